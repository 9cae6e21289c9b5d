"""tornado: the EchoWebSocket of its documentation."""

from __future__ import annotations

import asyncio
import sys

from tornado.web import Application
from tornado.websocket import WebSocketHandler


class EchoWebSocket(WebSocketHandler):
    """Answers each message with it, behind "You said: "."""

    def on_message(self, message: str | bytes) -> None:
        self.write_message(f"You said: {message!s}")


async def main() -> None:
    Application([("/websocket", EchoWebSocket)]).listen(int(sys.argv[1]), "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())

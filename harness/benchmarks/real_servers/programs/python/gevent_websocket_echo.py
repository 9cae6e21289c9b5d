"""gevent-websocket: the EchoApplication of its README."""

from __future__ import annotations

import sys

from geventwebsocket import Resource, WebSocketApplication, WebSocketServer


class EchoApplication(WebSocketApplication):
    """One client."""

    def on_open(self) -> None:
        pass

    def on_message(self, message: str | bytes | None) -> None:
        self.ws.send(message)

    def on_close(self, reason: object) -> None:
        pass


WebSocketServer(("127.0.0.1", int(sys.argv[1])), Resource({"/": EchoApplication})).serve_forever()

"""robyn: the handler of its documentation, which puts "Echo: " before each text."""

from __future__ import annotations

import sys

from robyn import Robyn

port = int(sys.argv.pop())
app = Robyn(__file__)


@app.websocket("/web_socket")
async def handler(websocket) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    while True:
        message = await websocket.receive_text()
        await websocket.send_text(f"Echo: {message}")


if __name__ == "__main__":
    app.start(host="127.0.0.1", port=port)

"""websockets: the echo of its documentation with a thread per connection."""

from __future__ import annotations

import sys

from websockets.sync.server import ServerConnection, serve


def echo(websocket: ServerConnection) -> None:
    for message in websocket:
        websocket.send(message)


with serve(echo, "127.0.0.1", int(sys.argv[1])) as server:
    server.serve_forever()

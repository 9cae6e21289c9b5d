"""websocket-server: the example of its README, which greets all when somebody joins and answers nothing."""

from __future__ import annotations

import sys

from websocket_server import WebsocketServer


def new_client(client: dict[str, object], server: WebsocketServer) -> None:
    server.send_message_to_all("Hey all, a new client has joined us")


server = WebsocketServer(host="127.0.0.1", port=int(sys.argv[1]))
server.set_fn_new_client(new_client)
server.run_forever()

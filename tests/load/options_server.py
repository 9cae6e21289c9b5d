"""A chat on the `websockets` library with options: TLS, a Unix socket, a subprotocol, a token, compression.

    python options_server.py '{"tls": FILE, "unix": PATH, "subprotocol": NAME, "token": WORD, "deflate": true}'

The command prints the server's port, or 0 for a Unix socket. When its input ends, it prints what it has seen of its
clients, as JSON. The server refuses clients without the required subprotocol or token.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections import Counter
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection, broadcast, serve, unix_serve
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.http11 import Request, Response


class Chat:
    def __init__(self, endpoint_options: dict[str, Any]) -> None:
        self.endpoint_options = endpoint_options
        self.members: set[ServerConnection] = set()
        self.seen: Counter[str] = Counter()
        self.lengths: list[int] = []

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        token = self.endpoint_options.get("token")
        if token is not None and request.headers.get("Authorization") != f"Bearer {token}":
            return connection.respond(HTTPStatus.UNAUTHORIZED, "no token\n")
        return None

    async def talk(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.seen["connections"] += 1
        self.seen[f"subprotocol {connection.subprotocol}"] += 1
        self.seen["deflate"] += any(
            isinstance(extension, PerMessageDeflate) for extension in connection.protocol.extensions
        )
        name = connection.request.path.removeprefix("/ws/")
        self.members.add(connection)
        try:
            async for text in connection:
                assert isinstance(text, str)
                self.lengths.append(len(text))
                await connection.send(f"You: {text}")
                broadcast(self.members, f"Client #{name} says: {text}")
        except ConnectionClosed:
            pass  # the client closed without a close frame, or this server has ended
        finally:
            self.members.discard(connection)
            broadcast(self.members, f"Client #{name} left the chat")


async def main(endpoint_options: dict[str, Any]) -> None:
    chat = Chat(endpoint_options)
    context = None
    if endpoint_options.get("tls"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(endpoint_options["tls"])
    settings: dict[str, Any] = {
        "process_request": chat.admit,
        "compression": "deflate" if endpoint_options.get("deflate") else None,
        "ssl": context,
        "subprotocols": [endpoint_options["subprotocol"]] if endpoint_options.get("subprotocol") else None,
    }
    if endpoint_options.get("unix"):
        server = await unix_serve(chat.talk, endpoint_options["unix"], **settings)
        port = 0
    else:
        server = await serve(chat.talk, "127.0.0.1", 0, **settings)
        port = next(iter(server.sockets)).getsockname()[1]
    print(port, flush=True)  # noqa: T201 - the parent reads it
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print(json.dumps({**chat.seen, "lengths": chat.lengths}), flush=True)  # noqa: T201 - likewise
    server.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))

"""A server in C that is quicker than any client here: `python -m benchmarks.quick_server echo|chat CONNECTIONS`.

It prints its port and accepts exactly this many connections, whose handshakes are done in Python. Then it serves the
tutorial's echo or chat until all clients have left.
"""

from __future__ import annotations

import ctypes
import socket
import sys
from contextlib import suppress
from pathlib import Path

from benchmarks.accepting import accept
from benchmarks.compiled import compiled

SOURCE = Path(__file__).with_name("loop.c")


def main() -> None:
    speech, connections = sys.argv[1], int(sys.argv[2])
    serve = compiled(SOURCE).serve
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        members: list[tuple[socket.socket, str]] = []
        while len(members) < connections:
            with suppress(ConnectionError):  # somebody who only asked whether a server is there
                members.append(accept(listener))
    fds = (ctypes.c_int * connections)(*(member.fileno() for member, _ in members))
    names = (ctypes.c_char_p * connections)(*(name.encode() for _, name in members))
    if serve(fds, names if speech == "chat" else None, connections) != 0:
        sys.exit("a client broke the protocol")


if __name__ == "__main__":
    main()

"""The sender: a minimal server. Its frames are those of the chat, with envelopes, and are prepared in advance.

    python -m benchmarks.receiving.sender WAY CONNECTIONS ROUNDS

It prints its port, accepts its connections, waits for a line on its standard input, and sends.
"""

from __future__ import annotations

import socket
import sys

from benchmarks.accepting import accept
from benchmarks.progress_line import say
from benchmarks.receiving.modes import WAYS, Way
from benchmarks.receiving.native import send_rounds
from wsproof import Envelope
from wsproof.model.envelope import body_of
from wsproof.wire import Opcode
from wsproof.wire.frames import Frame


def message(number: int, size: int) -> str:
    """A message of the chat with this number of bytes, the envelope included."""
    words = "Client #1 says: "
    return words + Envelope(0, number, 1).seal(body_of(size - len(words)))


def pieces(way: Way, rounds: int) -> list[bytes]:
    """The pieces that each connection is sent, in this order."""
    numbered = zip(range(rounds * way.frames), way.sizes(), strict=False)
    encoded = [Frame(Opcode.TEXT, message(number, size).encode()).encode() for number, size in numbered]
    return [b"".join(encoded[start : start + way.frames]) for start in range(0, len(encoded), way.frames)]


def main() -> None:
    way = WAYS[sys.argv[1]]
    connections, rounds = (int(word) for word in sys.argv[2:])
    prepared = pieces(way, rounds)
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        say(str(listener.getsockname()[1]))
        readers = [accept(listener)[0] for _ in range(connections)]
    sys.stdin.readline()
    send_rounds([reader.fileno() for reader in readers], prepared, way.gap_ns)
    sys.stdin.readline()


if __name__ == "__main__":
    main()

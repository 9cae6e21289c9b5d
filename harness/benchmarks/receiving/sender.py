"""Who sends: a server that knows one handshake and no more. Frames are those of the chat, sealed, prepared in advance.

    python -m benchmarks.receiving.sender CONNECTIONS ROUNDS FRAMES_PER_SEND GAP_NS

It prints its port, takes its connections, waits for a line on its standard input, and sends.
"""

from __future__ import annotations

import socket
import sys

from benchmarks.accepting import accept
from benchmarks.line import say
from benchmarks.receiving.native import send_rounds
from wsproof.model.envelope import Envelope, body_of
from wsproof.wire import Opcode
from wsproof.wire.frames import Frame

MESSAGE_BYTES = 120


def message(number: int) -> str:
    """What the chat tells everybody: 120 bytes, the envelope included."""
    words = "Client #1 says: "
    return words + Envelope(0, number, 1).seal(body_of(MESSAGE_BYTES - len(words)))


def pieces(rounds: int, frames: int) -> list[bytes]:
    """What each connection is sent, one piece after the other."""
    encoded = [Frame(Opcode.TEXT, message(number).encode()).encode() for number in range(rounds * frames)]
    return [b"".join(encoded[start : start + frames]) for start in range(0, len(encoded), frames)]


def main() -> None:
    connections, rounds, frames = (int(word) for word in sys.argv[1:4])
    prepared = pieces(rounds, frames)
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        say(str(listener.getsockname()[1]))
        readers = [accept(listener)[0] for _ in range(connections)]
    sys.stdin.readline()
    send_rounds([reader.fileno() for reader in readers], prepared, float(sys.argv[4]))
    sys.stdin.readline()


if __name__ == "__main__":
    main()

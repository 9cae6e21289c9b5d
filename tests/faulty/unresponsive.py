"""Servers that may delay the end of a run: slow, silent, dying, or busy with another client.

    python -m tests.faulty.unresponsive KIND PORT      (0: any free port; it is printed)

slow-accept    has a backlog of 5, and accepts one connection every 0.3 s
silent         accepts connections and never answers a handshake
late           answers each message after a second
first-only     answers its first connection only; accepts others and never answers their handshakes
mortal         the process ends at every 7th connection
reads-on       answers a close frame, continues to read and to answer, and never ends TCP
one-at-a-time  serves one connection to its end before it accepts the next
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from websockets.exceptions import ProtocolError
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from wsproof.net.endpoint import Endpoint

BACKLOG = 5
ACCEPT_EVERY_S = 0.3
LATE_S = 1.0
LIFE = 7
"""Number of connections after which a mortal server exits."""


@dataclass(frozen=True)
class Kind:
    """The behaviour of a server.

    It answers the first `answered` of the connections that send something, each time after `late_s` seconds.
    """

    late_s: float = 0.0
    accept_every_s: float = 0.0
    backlog: int = 100
    answered: float = math.inf
    life: int = 0
    ends_tcp: bool = True
    at_once: bool = True


KINDS = {
    "slow-accept": Kind(accept_every_s=ACCEPT_EVERY_S, backlog=BACKLOG),
    "silent": Kind(answered=0),
    "late": Kind(late_s=LATE_S),
    "first-only": Kind(answered=1),
    "mortal": Kind(life=LIFE),
    "reads-on": Kind(ends_tcp=False),
    "one-at-a-time": Kind(at_once=False),
}


class Connection:
    """One client: an echo with the behaviour of its kind."""

    def __init__(self, sock: socket.socket, kind: Kind, numbers: Iterator[int]) -> None:
        self._sock, self._kind, self._numbers = sock, kind, numbers
        self._number = 0
        self._protocol = ServerProtocol()
        self._fragments: list[bytes] = []
        self._opcode = Opcode.TEXT

    def serve(self) -> None:
        """Serve until the client ends TCP."""
        with self._sock, contextlib.suppress(OSError):
            while data := self._sock.recv(65_536):
                self._number = self._number or next(self._numbers)
                if self._number > self._kind.answered:
                    continue
                self._take(data)
                time.sleep(self._kind.late_s)
                for out in self._protocol.data_to_send():
                    self._sock.sendall(out)
                if self._kind.ends_tcp and self._protocol.close_expected():
                    return

    def _take(self, data: bytes) -> None:
        if not self._kind.ends_tcp and self._protocol.close_expected():
            self._sock.sendall(b"\x81\x05again")  # replies although the connection is closing
            return
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._protocol.send_response(self._protocol.accept(event))
            elif isinstance(event, Frame):
                self._handle_frame(event)

    def _handle_frame(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._opcode, self._fragments = frame.opcode, []
        elif frame.opcode is not Opcode.CONT:
            return
        self._fragments.append(bytes(frame.data))
        if frame.fin:
            send = self._protocol.send_text if self._opcode is Opcode.TEXT else self._protocol.send_binary
            with contextlib.suppress(ProtocolError):
                send(b"".join(self._fragments))


def _accept_all(listening: socket.socket, kind: Kind, end_process: Callable[[], None]) -> None:
    count, numbers = 0, itertools.count(1)
    with contextlib.suppress(OSError):  # ends when the socket is closed
        while True:
            sock = listening.accept()[0]
            count += 1
            if kind.life and count >= kind.life:
                end_process()
            connection = Connection(sock, kind, numbers)
            if kind.at_once:
                threading.Thread(target=connection.serve, daemon=True).start()
            else:
                connection.serve()
            time.sleep(kind.accept_every_s)


def _listen(kind: Kind, port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port), backlog=kind.backlog)


class InProcessServer:
    """A server in threads of the test. It cannot be restarted, and has no process of its own."""

    owned = False
    pid = None

    def __init__(self, port: int) -> None:
        self.endpoint = Endpoint("127.0.0.1", port)

    def restart(self) -> None:
        """Do nothing. Never called, because the server is not `owned`."""


@contextmanager
def unresponsive_server(name: str) -> Iterator[InProcessServer]:
    """Run a server of this kind in threads of this process for the duration of the block. Not for `mortal`."""
    kind = KINDS[name]
    assert not kind.life
    listening = _listen(kind, 0)
    threading.Thread(target=_accept_all, args=(listening, kind, lambda: None), daemon=True).start()
    try:
        yield InProcessServer(listening.getsockname()[1])
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def main() -> None:
    kind, port = KINDS[sys.argv[1]], int(sys.argv[2])
    listening = _listen(kind, port)
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    _accept_all(listening, kind, lambda: os._exit(70))


if __name__ == "__main__":
    main()

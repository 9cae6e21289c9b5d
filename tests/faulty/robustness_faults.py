"""Faults of robustness: leaked sockets and memory, costs that grow too fast, clients that block all others.

The server otherwise behaves like `server.py`. Some faults break the whole process, which must then be started
again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import time
from collections.abc import Iterator

from tests.faulty.server import Connection, Refusal, block_forever, wait_forever

_LEAKED: list[object] = []
"""Objects that a leaking server never releases."""
_DROPS_AT = {"drops-many-fragments": 5_000, "drops-empty-fragments": 50_000}
_WEDGES_AFTER = 150
_accepted = 0


def _value_of(name: str, text: str) -> str | None:
    """Return the value of a header after a scan of all lines."""
    parsed = [line.lower().split(": ", 1) for line in text.splitlines()]
    return {other.strip(): value.strip() for other, value in parsed}.get(name)


class RobustnessFaults(Connection):
    """One client of a server with robustness faults."""

    is_accepted = False
    refused = False
    fragments = 0
    joined = b""
    spare: int | None = None
    """A second descriptor of the socket, as left behind by `makefile`."""

    async def run(self) -> None:
        try:
            await super().run()
        except ConnectionError:
            self.leak_if("keeps-reset" if self.is_accepted else "keeps-abandoned")
            raise
        except EOFError:
            self.leak_if("keeps-half-closed" if self.is_accepted else "keeps-abandoned")
            raise
        finally:
            self.leak_if("keeps-refused" if self.refused else "")
            if self.spare is not None:
                os.close(self.spare)

    def leak_if(self, fault: str) -> None:
        """Leak the socket."""
        if self.fault == fault and self.spare is not None:
            _LEAKED.append(self.spare)
            if fault == "keeps-half-closed":
                with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self.spare)) as sock:
                    sock.shutdown(socket.SHUT_WR)
            self.spare = None

    async def more(self) -> None:
        if self.fault == "mute" or (self.fault == "mute-after-handshake" and self.is_accepted):
            await wait_forever()  # Not a robustness fault: the client waits for an answer.
        if self.fault == "slow-handshake-blocks" and not self.is_accepted:
            self.read_blocking()
            return
        if self.fault != "never-drains":
            await self.writer.drain()
        await super().more()
        target = re.match(rb"[A-Z]+ /(keeps-[a-z-]*)", self.buffer)
        if target and self.spare is None and not self.is_accepted:
            self.spare = os.dup(self.writer.get_extra_info("socket").fileno())
            self.fault = target[1].decode()

    # The handshake.

    def check_request(self, method: str, http: str, headers: dict[str, list[str]], count: int) -> None:
        if self.fault == "header-regex":
            for values in headers.values():
                re.split(r"\s*,\s*", ",".join(values))
        if self.fault == "header-rescan":
            text = "\n".join(f"{name}: {value}" for name, values in headers.items() for value in values)
            for name in headers:
                for _ in range(16):  # A few scans would cost too little beside the rest of a handshake.
                    _value_of(name, text)
        try:
            super().check_request(method, http, headers, count)
        except Refusal:
            self.refused = True
            raise

    def accept(self, headers: dict[str, list[str]]) -> None:
        global _accepted
        super().accept(headers)
        self.is_accepted = True
        if self.fault == "keeps-clients":
            _LEAKED.append((self, bytearray(4096)))
        if self.fault == "keeps-heartbeats":
            _LEAKED.append(asyncio.ensure_future(self.beat(bytes(4096))))
        if self.fault == "wedges-after-many":
            _accepted += 1
            if _accepted > _WEDGES_AFTER:
                block_forever()

    async def beat(self, payload: bytes) -> None:
        """Send a heartbeat that is never cancelled."""
        while True:
            await asyncio.sleep(3600)
            self.writer.write(payload[:0])

    # Frames.

    def check_head(self, fin: int, rsv: int, opcode: int, masked: int, length: int) -> None:
        if self.fault == "wedges-at-opcode" and opcode == 11:
            block_forever()
        super().check_head(fin, rsv, opcode, masked, length)

    def take_data(self, fin: int, opcode: int, payload: bytes) -> None:
        self.fragments = 1 if opcode else self.fragments + 1
        if self.fragments > _DROPS_AT.get(self.fault, self.fragments):
            raise EOFError
        if self.fault == "wedges-at-fragments" and self.fragments == 5_000:
            block_forever()
        if self.fault == "concatenates":
            self.joined = payload if opcode else bytes(bytearray(self.joined) + payload)
        super().take_data(fin, opcode, payload)
        if self.fault == "rejoins":
            self.joined = b"".join(self.parts)
        if self.fault == "records-fragments" and not payload:
            self.parts[-1:] = [_Record(time.monotonic(), payload)]

    def send(self, opcode: int, payload: bytes) -> None:
        if self.fault != "slow-reader-blocks" or self.writer.is_closing():
            super().send(opcode, payload)
            return
        before, self.writer = self.writer, _Collecting()  # type: ignore[assignment]  # it only writes
        super().send(opcode, payload)
        data, self.writer = bytes(self.writer.data), before  # type: ignore[attr-defined]
        with self.blocking() as sock, contextlib.suppress(OSError):
            sock.sendall(data)

    # Blocking all clients.

    def read_blocking(self) -> None:
        """Read a handshake like a server with one thread."""
        with self.blocking() as sock:
            while b"\r\n\r\n" not in self.buffer:
                data = sock.recv(4096)
                if not data:
                    raise EOFError
                self.buffer += data

    @contextlib.contextmanager
    def blocking(self) -> Iterator[socket.socket]:
        """Yield the socket in blocking mode."""
        with socket.socket(fileno=os.dup(self.writer.get_extra_info("socket").fileno())) as sock:
            sock.setblocking(True)
            try:
                yield sock
            finally:
                sock.setblocking(False)


class _Collecting:
    """Collects the output of a connection."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> None:
        self.data += data


class _Record(bytes):
    """A fragment with its receive time and its own history."""

    def __new__(cls, at: float, payload: bytes) -> _Record:
        record = super().__new__(cls, payload)
        record.__dict__.update(at=at, history=[at])
        return record

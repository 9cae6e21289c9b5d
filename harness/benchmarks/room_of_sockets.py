"""A chat room full of bare sockets: the cheapest members there are, so that the server is what gets measured.

They do the handshake with wsproof's client, and then only count bytes: all members are owed the same frames, so what
each has heard follows from how much it has read. A byte too many or too few is an error.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.audience import Audience, reading
from wsproof.net.client import Client
from wsproof.net.endpoint import Endpoint
from wsproof.wire import Opcode
from wsproof.wire.frames import Frame

READ_BYTES = 1 << 20
CLOSE_BYTE = 0x88
MASK = b"\x01\x02\x03\x04"
Heard = Callable[[int, int], None]


@dataclass
class Room:
    """`publisher` speaks; `members` listen. `read_bytes` says how much each has read."""

    endpoint: Endpoint
    publisher: Client
    members: dict[int, Client]
    read_bytes: dict[int, int]
    poll: select.epoll

    @classmethod
    def open(cls, endpoint: Endpoint) -> Room:
        poll = select.epoll()
        publisher = enter(endpoint, "speaker")
        poll.register(publisher.fileno(), select.EPOLLIN)
        return cls(endpoint, publisher, {}, {}, poll)

    def grow(self, members: int) -> None:
        """Have so many members in all."""
        for number in range(len(self.members), members):
            member = enter(self.endpoint, f"m{number:05d}")
            self.members[member.fileno()] = member
            self.read_bytes[member.fileno()] = 0
            self.poll.register(member.fileno(), select.EPOLLIN)

    def say(self, text: str, times: int = 1) -> int:
        """Have the publisher say it, in one segment; returns the bytes that each member is owed for it."""
        self.publisher.send_raw(Frame(Opcode.TEXT, text.encode(), mask=MASK).encode() * times)
        return times * len(Frame(Opcode.TEXT, f"Client #speaker says: {text}".encode()).encode())

    def read(self, timeout_s: float, heard: Heard | None = None, poll: select.epoll | None = None) -> None:
        """Read what is there from all who have something, or from those in `poll`."""
        for descriptor, _ in (poll or self.poll).poll(timeout_s):
            read = len(os.read(descriptor, READ_BYTES))
            if read == 0:
                raise RuntimeError(f"the server ended a connection of {self.endpoint.url}")
            if descriptor in self.read_bytes:
                self.read_bytes[descriptor] += read
                if heard is not None:
                    heard(descriptor, self.read_bytes[descriptor])

    def read_until(self, owed_bytes: int, deadline_s: float = 60.0) -> None:
        """Read until every member has exactly this much in all."""
        ends = time.monotonic() + deadline_s
        behind = {descriptor for descriptor, read in self.read_bytes.items() if read < owed_bytes}

        def heard(descriptor: int, total: int) -> None:
            if total >= owed_bytes:
                behind.discard(descriptor)

        while behind:
            if time.monotonic() > ends:
                raise RuntimeError(f"{len(behind)} members have not heard everything within {deadline_s:g} s")
            self.read(1.0, heard)
        if max(self.read_bytes.values()) > owed_bytes:
            raise RuntimeError("a member heard more than was said")

    @contextmanager
    def audience(self) -> Iterator[Audience]:
        """Somebody else reads for all but the last member, while the block lasts. At its end say `collect`."""
        *others, _ = self.members
        with reading({descriptor: self.read_bytes[descriptor] for descriptor in others}) as audience:
            yield audience

    def collect(self, audience: Audience, owed_bytes: int) -> None:
        """Wait until every member has this much in all, and take over from the audience."""
        self.read_bytes |= audience.read_bytes(owed_bytes)
        self.read_until(owed_bytes)

    def read_last_until(self, owed_bytes: int, deadline_s: float = 60.0) -> None:
        """Read for the publisher and the last member, until the latter has so much in all. Servers write to members in
        the order in which they came, so the others' part is in the kernel by then."""
        ends = time.monotonic() + deadline_s
        last = next(reversed(self.members))
        with select.epoll() as few:
            for descriptor in (last, self.publisher.fileno()):
                few.register(descriptor, select.EPOLLIN)
            while self.read_bytes[last] < owed_bytes:
                if time.monotonic() > ends:
                    raise RuntimeError(f"the last member has not heard everything within {deadline_s:g} s")
                self.read(1.0, poll=few)

    def leave_when_told(self, deadline_s: float = 60.0) -> None:
        """Answer every close frame and hang up, until nobody is left. Used while the server stops."""
        ends = time.monotonic() + deadline_s
        left = {**self.members, self.publisher.fileno(): self.publisher}
        answer = Frame(Opcode.CLOSE, b"\x03\xf4", mask=MASK).encode()
        while left and time.monotonic() < ends:
            for descriptor, _ in self.poll.poll(1.0):
                try:
                    said = os.read(descriptor, READ_BYTES)
                    if said and said[0] == CLOSE_BYTE:
                        os.write(descriptor, answer)
                except OSError:
                    said = b""
                if not said or said[0] == CLOSE_BYTE:
                    self.poll.unregister(descriptor)
                    left.pop(descriptor).abort()

    def close(self) -> None:
        """Hang up on everybody."""
        self.poll.close()
        for client in (*self.members.values(), self.publisher):
            client.abort()


def enter(endpoint: Endpoint, name: str, receive_buffer: int | None = None) -> Client:
    """One member after its handshake; with a small receive buffer it stalls soon when it does not read."""
    client = Client(endpoint.at(f"/ws/{name}"), deadline_s=30.0, receive_buffer=receive_buffer)
    response = client.open()
    if response.status != 101:
        raise RuntimeError(f"{endpoint.url} refused a member: {response.status}")
    return client

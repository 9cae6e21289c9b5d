"""A chat room of raw sockets, the cheapest members possible, so that the benchmark measures the server.

Members do the handshake with wsproof's client, and then only count bytes. All members must receive the same frames, so
the number of bytes tells how many each has received. A byte too many or too few is an error.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.readers import Audience, reading
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
    """One `publisher`, and `members` by file descriptor. `read_bytes`: bytes read so far, by file descriptor."""

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
        """Add members until there are this many in all."""
        for number in range(len(self.members), members):
            member = enter(self.endpoint, f"m{number:05d}")
            self.members[member.fileno()] = member
            self.read_bytes[member.fileno()] = 0
            self.poll.register(member.fileno(), select.EPOLLIN)

    def say(self, text: str, times: int = 1) -> int:
        """Publish the text `times` times in one write. Returns the bytes that each member must receive."""
        self.publisher.send_raw(Frame(Opcode.TEXT, text.encode(), mask=MASK).encode() * times)
        return times * len(Frame(Opcode.TEXT, f"Client #speaker says: {text}".encode()).encode())

    def read(self, timeout_s: float, heard: Heard | None = None, poll: select.epoll | None = None) -> None:
        """Read once from each readable member and the publisher, or from those in `poll`.

        Raises:
            RuntimeError: the server ended a connection.
        """
        for descriptor, _ in (poll or self.poll).poll(timeout_s):
            read = len(os.read(descriptor, READ_BYTES))
            if read == 0:
                raise RuntimeError(f"the server ended a connection of {self.endpoint.url}")
            if descriptor in self.read_bytes:
                self.read_bytes[descriptor] += read
                if heard is not None:
                    heard(descriptor, self.read_bytes[descriptor])

    def read_until(self, expected_bytes: int, deadline_s: float = 60.0) -> None:
        """Read until every member has received exactly this many bytes in all.

        Raises:
            RuntimeError: a member received too few bytes within the deadline, or too many.
        """
        ends = time.monotonic() + deadline_s
        behind = {descriptor for descriptor, read in self.read_bytes.items() if read < expected_bytes}

        def heard(descriptor: int, total: int) -> None:
            if total >= expected_bytes:
                behind.discard(descriptor)

        while behind:
            if time.monotonic() > ends:
                raise RuntimeError(f"{len(behind)} members have not heard everything within {deadline_s:g} s")
            self.read(1.0, heard)
        if max(self.read_bytes.values()) > expected_bytes:
            raise RuntimeError("a member heard more than was said")

    @contextmanager
    def audience(self) -> Iterator[Audience]:
        """Let another process read for all but the last member during this block. Call `collect` at its end."""
        *others, _ = self.members
        with reading({descriptor: self.read_bytes[descriptor] for descriptor in others}) as audience:
            yield audience

    def collect(self, audience: Audience, expected_bytes: int) -> None:
        """Wait until every member has received this many bytes in all, and take over from the reading process."""
        self.read_bytes |= audience.read_bytes(expected_bytes)
        self.read_until(expected_bytes)

    def read_last_until(self, expected_bytes: int, deadline_s: float = 60.0) -> None:
        """Read for the publisher and the last member, until the last member has received this many bytes in all.

        Servers write to members in order of joining. So by then, the kernel already has the bytes for all others.

        Raises:
            RuntimeError: the last member received too few bytes within the deadline.
        """
        ends = time.monotonic() + deadline_s
        last = next(reversed(self.members))
        with select.epoll() as few:
            for descriptor in (last, self.publisher.fileno()):
                few.register(descriptor, select.EPOLLIN)
            while self.read_bytes[last] < expected_bytes:
                if time.monotonic() > ends:
                    raise RuntimeError(f"the last member has not heard everything within {deadline_s:g} s")
                self.read(1.0, poll=few)

    def leave_when_told(self, deadline_s: float = 60.0) -> None:
        """Answer each close frame and close the connection, until no member is left or the deadline has passed.

        Used while the server stops.
        """
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
        """Close all connections."""
        self.poll.close()
        for client in (*self.members.values(), self.publisher):
            client.abort()


def enter(endpoint: Endpoint, name: str, receive_buffer: int | None = None) -> Client:
    """Connect one member. With a small receive buffer, a member that does not read soon stalls.

    Raises:
        RuntimeError: the server refused the handshake.
    """
    client = Client(endpoint.at(f"/ws/{name}"), deadline_s=30.0, receive_buffer=receive_buffer)
    response = client.open()
    if response.status != 101:
        raise RuntimeError(f"{endpoint.url} refused a member: {response.status}")
    return client

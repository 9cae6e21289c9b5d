"""A process that reads for the members of a room, so that a server can be kept busy all the time.

Members that read each message the moment it comes cost the machine more than the server does, and on two cores they
are what gets measured. Members on other hosts cost the server nothing. So these read what has gathered, now and then;
nothing is lost by that, for the kernel holds far more for each of them than a server says in such a pause.
"""

from __future__ import annotations

import os
import select
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection

READ_BYTES = 1 << 20
PAUSE_S = 0.05
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Audience:
    """The other end of that process."""

    orders: Connection

    def read_bytes(self, owed_bytes: int) -> dict[int, int]:
        """Let them read on until each has so much in all; what each has read. Raises RuntimeError when that never
        comes. To be called once, at the end."""
        self.orders.send(owed_bytes)
        if not self.orders.poll(PATIENCE_S):
            raise RuntimeError(f"not everybody has heard everything within {PATIENCE_S:g} s")
        answer: dict[int, int] = self.orders.recv()
        return answer


@contextmanager
def reading(so_far: Mapping[int, int]) -> Iterator[Audience]:
    """While the block lasts the process reads these descriptors; `so_far` says how much each has read before."""
    context = get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_read, args=(theirs, dict(so_far)), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Audience(ours)
    finally:
        process.terminate()
        process.join()
        ours.close()


def _read(orders: Connection, read_bytes: dict[int, int]) -> None:
    poll = select.epoll()
    for descriptor in read_bytes:
        poll.register(descriptor, select.EPOLLIN)
    owed_bytes = None
    while owed_bytes is None or min(read_bytes.values()) < owed_bytes:
        if owed_bytes is None and orders.poll(PAUSE_S):
            owed_bytes = orders.recv()
        for descriptor, _ in poll.poll(0 if owed_bytes is None else PAUSE_S):
            read = len(os.read(descriptor, READ_BYTES))
            if read == 0:
                raise RuntimeError("the server ended a connection")
            read_bytes[descriptor] += read
    orders.send(read_bytes)

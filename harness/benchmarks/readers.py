"""A process that reads for the members of a room, so that the server is always busy.

Members that read each message at once use more CPU than the server. On two cores, the benchmark would then measure the
members. In production, members run on other hosts and cost the server nothing. So this process reads only now and
then. Nothing is lost: the kernel buffers far more per member than a server sends in one pause.
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
"""Seconds between two reads."""
PATIENCE_S = 60.0
"""Timeout in seconds until all members have read everything."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Handle of the reading process."""

    orders: Connection

    def read_bytes(self, owed_bytes: int) -> dict[int, int]:
        """Wait until each member has read this many bytes in all. Returns the bytes read, by file descriptor.

        Call this once, at the end.

        Raises:
            RuntimeError: a member has not read enough within PATIENCE_S.
        """
        self.orders.send(owed_bytes)
        if not self.orders.poll(PATIENCE_S):
            raise RuntimeError(f"not everybody has heard everything within {PATIENCE_S:g} s")
        answer: dict[int, int] = self.orders.recv()
        return answer


@contextmanager
def reading(so_far: Mapping[int, int]) -> Iterator[Audience]:
    """Read these file descriptors in another process during this block.

    `so_far`: the bytes that were already read from each file descriptor.
    """
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

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
TIMEOUT_S = 60.0
"""Timeout in seconds until all members have read everything."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Handle of the reading process."""

    pipe: Connection

    def read_bytes(self, expected_bytes: int) -> dict[int, int]:
        """Wait until each member has read this many bytes in all. Returns the bytes read, by file descriptor.

        Call this once, at the end.

        Raises:
            RuntimeError: a member has not read enough within TIMEOUT_S.
        """
        self.pipe.send(expected_bytes)
        if not self.pipe.poll(TIMEOUT_S):
            raise RuntimeError(f"not every member has read everything within {TIMEOUT_S:g} s")
        answer: dict[int, int] = self.pipe.recv()
        return answer


@contextmanager
def reading(so_far: Mapping[int, int]) -> Iterator[Audience]:
    """Read these file descriptors in another process during this block.

    `so_far`: the bytes that were already read from each file descriptor.
    """
    context = get_context("fork")
    parent_end, child_end = context.Pipe()
    process = context.Process(target=_read, args=(child_end, dict(so_far)), daemon=True)
    process.start()
    child_end.close()
    try:
        yield Audience(parent_end)
    finally:
        process.terminate()
        process.join()
        parent_end.close()


def _read(pipe: Connection, read_bytes: dict[int, int]) -> None:
    poll = select.epoll()
    for descriptor in read_bytes:
        poll.register(descriptor, select.EPOLLIN)
    expected_bytes = None
    while expected_bytes is None or min(read_bytes.values()) < expected_bytes:
        if expected_bytes is None and pipe.poll(PAUSE_S):
            expected_bytes = pipe.recv()
        for descriptor, _ in poll.poll(0 if expected_bytes is None else PAUSE_S):
            read = len(os.read(descriptor, READ_BYTES))
            if read == 0:
                raise RuntimeError("the server ended a connection")
            read_bytes[descriptor] += read
    pipe.send(read_bytes)

"""Detects that a server process has nothing left to do, so that a test need not wait for its deadline.

A test of a server that does not answer would otherwise need a short deadline, and on a busy machine a short deadline
mistakes a slow answer for none. On Linux a test can look at the server instead of a clock: if all threads of the
server sleep and no data is in flight, no answer can come any more. This holds for a server without timers.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest.mock import patch

from tests.faulty.running import FaultyServer
from tests.faulty.tcp_queues import open_queues
from wsproof.conformance.exchange.segment_barrier import SegmentBarrier
from wsproof.conformance.robustness.context import RobustnessContext
from wsproof.net.background_client import BackgroundClient
from wsproof.net.client import Client

IS_SUPPORTED = sys.platform == "linux"
"""Whether the system offers this information. Elsewhere the test's deadline decides."""
FULL_S = 60.0 if IS_SUPPORTED else 1.0
"""Deadline in seconds for tests of servers that do not answer."""
_TURN_S = 0.005
"""Seconds before the first look at the server while the test waits for an answer."""
_SHORT_S = 0.0005
"""Seconds before the first look while the test waits for the server to read."""
_BACKOFF = 1.5
"""Factor between the pauses before two looks: on a busy machine, a look takes CPU time that the server needs."""
_LONGEST_TURN_S = 0.05
_SLEEPS = "S"


@contextmanager
def detect_silence(server: FaultyServer) -> Iterator[None]:
    """End each wait for the server within this block as soon as the server has nothing left to do."""
    if not IS_SUPPORTED:
        yield
        return
    wait_ready, wait_change = Client._wait_ready, BackgroundClient._wait_change

    def wait_ready_or_quiet(client: Client, timeout_s: float) -> bool:
        return _wait_or_quiet(partial(wait_ready, client), timeout_s, client.endpoint.port == server.port)

    def wait_change_or_quiet(client: BackgroundClient, timeout_s: float) -> bool:
        return _wait_or_quiet(partial(wait_change, client), timeout_s, client._client.endpoint.port == server.port)

    def _wait_or_quiet(wait: Callable[[float], bool], timeout_s: float, is_faulty: bool) -> bool:
        until, turn_s = time.monotonic() + timeout_s, _TURN_S
        while is_faulty and until - time.monotonic() > turn_s:
            if wait(turn_s):
                return True
            turn_s = min(_BACKOFF * turn_s, _LONGEST_TURN_S)
            if is_quiet(server.pid, server.port):
                return wait(0.0)
        return wait(max(0.0, until - time.monotonic()))

    def wait_fds_or_quiet(context: RobustnessContext, at_most: int, deadline_s: float) -> int | None:
        assert context.meter is not None
        until = time.monotonic() + deadline_s
        while (fds := context.meter.fds()) is not None and fds > at_most and time.monotonic() < until:
            if is_quiet(server.pid, server.port):
                return context.meter.fds()
            time.sleep(_TURN_S)
        return fds

    def wait_read_or_quiet(barrier: SegmentBarrier, fileno: int) -> bool:
        until, turn_s = time.monotonic() + FULL_S, _SHORT_S
        while unread := barrier.unread(fileno):
            if time.monotonic() >= until or is_quiet(server.pid, server.port):
                return barrier.unread(fileno) == 0
            time.sleep(turn_s)
            turn_s = min(_BACKOFF * turn_s, _LONGEST_TURN_S)
        return unread == 0

    with (
        patch.object(SegmentBarrier, "wait_read", wait_read_or_quiet),
        patch.object(RobustnessContext, "wait_fds", wait_fds_or_quiet),
        patch.object(Client, "_wait_ready", wait_ready_or_quiet),
        patch.object(BackgroundClient, "_wait_change", wait_change_or_quiet),
    ):
        yield


def is_quiet(pid: int, port: int) -> bool:
    """Return whether all threads of the process sleep, and no data is on its way to or from this port."""
    return _all_sleep(pid) and not _in_flight(port) and _all_sleep(pid)


def _all_sleep(pid: int) -> bool:
    try:
        states = [
            task.joinpath("stat").read_text().rpartition(")")[2].split()[0]
            for task in Path(f"/proc/{pid}/task").iterdir()
        ]
    except OSError:
        return False  # The process has ended, and the kernel closes its connections.
    return all(state == _SLEEPS for state in states)


def _in_flight(port: int) -> bool:
    """Return whether a connection of this port has unacknowledged data, or data that a client has not read."""
    return any(end.unsent or (port == end.peer_port and end.unread) for end in open_queues(port))

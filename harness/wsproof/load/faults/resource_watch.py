"""The server's memory and descriptors before, during and after faulty clients."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from wsproof.machine.usage import TreeMeter
from wsproof.model.fault_record import FaultResources, ServerState
from wsproof.net.clock import Deadline, now_ns

EVERY_S = 0.5
"""Seconds between two readings while faulty clients come and go."""
GIVES_BACK_S = 15.0
"""Seconds that the server gets to release the descriptors of clients that have gone."""
POLL_S = 0.1


class ResourceWatch:
    """Reads memory and descriptors of a process tree in a thread, from the construction to `given_back`."""

    def __init__(self, read: Callable[[], ServerState]) -> None:
        self._read = read
        self._before = read()
        self._during: list[ServerState] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="server-resources", daemon=True)
        self._thread.start()

    def given_back(self) -> FaultResources:
        """Wait until the server has as few descriptors as before, and return all that was read."""
        self.stop()
        began_ns, deadline = now_ns(), Deadline.after(GIVES_BACK_S)
        after = self._read()
        while _keeps(after, self._before) and not deadline.passed:
            time.sleep(POLL_S)
            after = self._read()
        states = [self._before, *self._during, after]
        during = ServerState(_largest(one.memory_bytes for one in states), _largest(one.fds for one in states))
        return FaultResources(self._before, during, after, (now_ns() - began_ns) / 1e9)

    def stop(self) -> None:
        """End the readings."""
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(EVERY_S):
            self._during.append(self._read())


def reader_of(pid: int) -> Callable[[], ServerState]:
    """A function that reads the state of the process tree below `pid`."""
    meter = TreeMeter(pid, list_every_ns=1_000_000_000)
    return lambda: ServerState(meter.private_bytes(), meter.fds())


def _keeps(state: ServerState, before: ServerState) -> bool:
    return state.fds is not None and before.fds is not None and state.fds > before.fds


def _largest(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)

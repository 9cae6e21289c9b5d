"""Closed-loop sending: a publisher has so many publications on their way, and makes the next when one has come back.

It asks how much a server moves, not how long anything takes: a server that stalls is not asked for anything meanwhile.
So what it measures has a service time and no latency.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import monotonic_ns

from wsproof.errors import UsageError
from wsproof.load.worker.connection import Connection
from wsproof.load.worker.pacer import Publisher
from wsproof.load.worker.recorder import WorkerRecorder
from wsproof.model.contract import Audience, Contract
from wsproof.model.history import Kind
from wsproof.model.plan import Phase

GIVEN_UP_NS = 5_000_000_000
"""A publication that has not come back after so long no longer holds its place: one loss must not end the load. The
checks find the loss all the same."""
_KEYS_KEPT = 100_000
"""Messages understood and not yet forgotten: many times what can be on its way."""


def kind_that_comes_back(contract: Contract) -> Kind:
    """By what a publisher sees that its publication has made its way.

    Raises:
        UsageError: it sees nothing of it, so there is no loop to close.
    """
    if contract.audience in (Audience.EVERYONE, Audience.PUBLISHER):
        return Kind.DELIVERY
    if contract.replies:
        return Kind.REPLY
    raise UsageError(
        f"a closed loop needs a channel where a publisher hears of its own message, and {contract.channel} has no such "
        "promise: leave out --closed, and give a --rate."
    )


class ClosedLoop:
    """The publishers of one worker, each with its window."""

    def __init__(self, publisher: Publisher, ledger: WorkerRecorder, in_flight: int) -> None:
        self._publisher = publisher
        self._ledger = ledger
        self._in_flight = in_flight
        self._kind = kind_that_comes_back(ledger.workload.contract)
        self._keys: dict[int, tuple[int, int]] = {}
        ledger.keys = self._keys
        self._out: dict[int, dict[int, int]] = {}
        """Of each publisher the publications on their way: by their number when they left, the oldest first."""
        self._window_ns = self._end_ns = 0

    def start(self, connections: Iterable[Connection], window_ns: int, end_ns: int) -> None:
        """Fill the windows of these publishers. What leaves before `window_ns` is warm-up; after `end_ns` none does."""
        self._window_ns, self._end_ns = window_ns, end_ns
        for connection in connections:
            member = connection.member
            self._out[member] = {}
            connection.hear_with(self._hear)
            for _ in range(self._in_flight):
                self._send(member)

    def look(self) -> None:
        """Give up what has been away for too long."""
        now = monotonic_ns()
        if len(self._keys) > _KEYS_KEPT:
            for number in list(self._keys)[: -_KEYS_KEPT // 2]:
                del self._keys[number]
        for member, out in self._out.items():
            given_up = [sequence for sequence, left_ns in out.items() if now - left_ns > GIVEN_UP_NS]
            for sequence in given_up:
                del out[sequence]
                self._send(member)

    def close(self) -> None:
        """Send no more."""
        self._end_ns = 0

    def _hear(self, rows: Sequence[int]) -> None:
        self._ledger.received(rows)
        for member, number in zip(rows[::3], rows[1::3], strict=True):
            if self._ledger.kinds[number] != self._kind:
                continue
            publisher, sequence = self._keys.get(number, (-1, -1))
            if publisher == member and self._out[member].pop(sequence, None) is not None:
                self._send(member)

    def _send(self, member: int) -> None:
        now = monotonic_ns()
        if now < self._end_ns:
            phase = Phase.WARMUP if now < self._window_ns else Phase.MEASURED
            self._out[member][self._publisher.publish(member, phase)] = now

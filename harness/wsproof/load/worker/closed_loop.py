"""Closed-loop sending: each publisher has a fixed number of publications in flight.

A publisher sends the next publication when an earlier one has come back. A closed loop measures how much a server can
deliver, not how long a delivery takes. A server that stalls gets no new load meanwhile, so the figures have a service
time and no latency.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import monotonic_ns

from wsproof.errors import UsageError
from wsproof.load.worker.connection import Connection
from wsproof.load.worker.pacer import Sender
from wsproof.load.worker.recorder import WorkerRecorder
from wsproof.model.contract import Audience, Contract
from wsproof.model.history import Kind
from wsproof.model.plan import Phase

GIVEN_UP_NS = 5_000_000_000
"""Time, in ns, after which a publication that has not come back frees its place in the window. One loss must not end
the load. The checks still report the loss."""
_KEYS_KEPT = 100_000
"""Messages in the key table before the oldest ones are evicted. Far more than can be in flight."""


def kind_of_own_receipt(contract: Contract) -> Kind:
    """The kind of receipt that tells a publisher that the server has processed its publication.

    Raises:
        UsageError: the publisher receives nothing for its own publications, so a closed loop is impossible.
    """
    if contract.audience in (Audience.EVERYONE, Audience.PUBLISHER):
        return Kind.DELIVERY
    if contract.replies:
        return Kind.REPLY
    raise UsageError(
        f"a closed loop needs a channel that sends a publisher its own message or a reply, but {contract.channel} "
        "promises neither: leave out --closed, and give a --rate."
    )


class ClosedLoop:
    """The publishers of one worker, each with a window of publications in flight."""

    def __init__(self, publisher: Sender, recorder: WorkerRecorder, in_flight: int) -> None:
        self._publisher = publisher
        self._recorder = recorder
        self._in_flight = in_flight
        self._kind = kind_of_own_receipt(recorder.workload.contract)
        self._keys: dict[int, tuple[int, int]] = {}
        recorder.keys = self._keys
        self._pending: dict[int, dict[int, int]] = {}
        """Per publisher: the publications in flight, by sequence number, with the time (ns) at which they were sent.
        The oldest come first."""
        self._window_ns = self._end_ns = 0

    def start(self, connections: Iterable[Connection], window_ns: int, end_ns: int) -> None:
        """Fill the windows of these publishers.

        Publications sent before `window_ns` are warm-up. None is sent after `end_ns`.
        """
        self._window_ns, self._end_ns = window_ns, end_ns
        for connection in connections:
            member = connection.member
            self._pending[member] = {}
            connection.set_receiver(self._hear)
            for _ in range(self._in_flight):
                self._send(member)

    def give_up_old(self) -> None:
        """Give up publications that have been in flight for longer than GIVEN_UP_NS."""
        now = monotonic_ns()
        if len(self._keys) > _KEYS_KEPT:
            for number in list(self._keys)[: -_KEYS_KEPT // 2]:
                del self._keys[number]
        for member, pending in self._pending.items():
            given_up = [sequence for sequence, left_ns in pending.items() if now - left_ns > GIVEN_UP_NS]
            for sequence in given_up:
                del pending[sequence]
                self._send(member)

    def close(self) -> None:
        """Send no more publications."""
        self._end_ns = 0

    def _hear(self, rows: Sequence[int]) -> None:
        self._recorder.received(rows)
        for member, number in zip(rows[::3], rows[1::3], strict=True):
            if self._recorder.kinds[number] != self._kind:
                continue
            publisher, sequence = self._keys.get(number, (-1, -1))
            if publisher == member and self._pending[member].pop(sequence, None) is not None:
                self._send(member)

    def _send(self, member: int) -> None:
        now = monotonic_ns()
        if now < self._end_ns:
            phase = Phase.WARMUP if now < self._window_ns else Phase.MEASURED
            self._pending[member][self._publisher.publish(member, phase)] = now

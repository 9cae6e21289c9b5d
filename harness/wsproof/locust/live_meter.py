"""Measures a workload run while it runs: one `LoadSecond` a second, and the violations that are certain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from time import monotonic_ns, time
from typing import TYPE_CHECKING

import numpy as np

from wsproof.checks.protocol import protocol
from wsproof.locust.live_checks import LiveChecks, Overdue
from wsproof.model.contract import Order
from wsproof.model.finding import Finding, Level
from wsproof.model.history import Departure, Kind, ProtocolNote, Recorder
from wsproof.model.load_second import ConnectionCounts, LoadSecond, bucket_counts
from wsproof.model.nanoseconds import NS
from wsproof.model.plan import Phase

if TYPE_CHECKING:
    from wsproof.locust.workload_run import WorkloadRun

LATE_NS = NS
"""Nanoseconds after which an outstanding delivery counts as overdue: it is part of the latency shown."""
MOST_KEPT = 600
"""Maximum number of seconds in charts. Drawing costs the load generator time, which must not grow with the test."""


class LiveMeter:
    """Measures a run once a second. `read` may be called at any time, `look` ends the second."""

    def __init__(self, run: WorkloadRun) -> None:
        self._run = run
        self._checks = LiveChecks(is_ordered=run.contract.order is not Order.NONE)
        self._rows = self._unplaced = self._publications = self._ticks = self._lags = 0
        self._breaches: Counter[str] = Counter()
        """Protocol violations so far, by rule."""
        self._first_breaches: dict[str, ProtocolNote] = {}
        self._planned = 0
        """Expected deliveries of all seconds before the last one."""
        self._next_ns = 0
        self.seconds: list[LoadSecond] = []
        """The latest seconds."""
        self._taken = self._measured = 0
        """The number of seconds that `take_new` has returned, and that of all."""

    def step(self) -> None:
        """Check new receipts, and measure the second if it is over. Call this often, so that each call is short."""
        self.read()
        now_ns = monotonic_ns()
        if now_ns >= self._next_ns:
            self._next_ns = now_ns + NS
            self.look(now_ns)

    def read(self) -> None:
        """Check what has arrived since the last call."""
        receipts, self._rows = self._run.messages.receipts_since(self._rows)
        self._checks.take(receipts)
        unexpected = self._run.recorder.unexpected
        self._checks.take_unplaced(unexpected[self._unplaced :])
        self._unplaced = len(unexpected)

    def look(self, now_ns: int) -> None:
        """Measure the second that ends now."""
        run, late = self._run, list(self._overdue(now_ns))
        if not run.pulse.freezes:  # else a server may have skipped messages for a client that read nothing
            self._checks.look_for_lost(late)
        waiting = [(delivery.age_ns, len(delivery.members)) for delivery in late if delivery.kind is Kind.DELIVERY]
        overdue = [(age_ns, members) for age_ns, members in waiting if age_ns > LATE_NS]
        latency = run.stats.latency.take_latest()
        planned, self._planned = self._planned, run.publisher.planned
        ticks, self._ticks = len(run.recorder.ticks) - self._ticks, len(run.recorder.ticks)
        last_s = self.seconds[-1].at_s if self.seconds else 0
        second = LoadSecond(
            at_s=max(int(time()), last_s + 1),  # two seconds of one process must not be added up
            is_measured=run.ramp.phase is Phase.MEASURED,
            latency=bucket_counts(latency),
            overdue=bucket_counts((age_ns for age_ns, _ in overdue), (members for _, members in overdue)),
            time_to_last=bucket_counts(run.stats.to_last.take_latest()),
            spread=bucket_counts(run.stats.spread.take_latest()),
            deliveries=len(latency) + ticks,
            planned=planned,
            missed=min(run.publisher.unplayed + sum(members for _, members in overdue), planned),
            outstanding=sum(members for _, members in waiting),
            oldest_ns=max((age_ns for age_ns, _ in waiting), default=0),
            connections=self._connections(),
            unsent=run.publisher.overdue(now_ns),
        )
        self.seconds.append(self._with_generator(second))
        self._measured += 1
        del self.seconds[:-MOST_KEPT]

    def take_new(self) -> list[LoadSecond]:
        """The seconds since the last call."""
        new = self._measured - self._taken
        self._taken = self._measured
        return self.seconds[-new:] if new else []

    def findings(self) -> list[Finding]:
        """The violations so far that no later message can explain."""
        violations = [
            Finding(
                anomaly.value,
                self._run.contract.channel,
                anomaly,
                Level.VIOLATION,
                f"While the test runs: {example}.",
                (),
                occurrences=count,
            )
            for anomaly, (count, example) in self._checks.violations().items()
        ]
        return [*violations, *self._protocol_findings()]

    def _protocol_findings(self) -> list[Finding]:
        """Protocol violations, as the final check reports them. Each note is read once, because there may be many."""
        run = self._run
        for note in run.recorder.protocol[self._breaches.total() :]:
            self._breaches[note.rule] += 1
            self._first_breaches.setdefault(note.rule, note)
        if not self._breaches:
            return []
        noted = Recorder(start_ns=run.recorder.start_ns)
        noted.protocol, noted.members = list(self._first_breaches.values()), list(run.members)
        findings = protocol(noted.freeze(), run.contract)
        return [
            replace(finding, occurrences=self._breaches[rule])
            for rule, finding in zip(self._first_breaches, findings, strict=True)
        ]

    def _overdue(self, now_ns: int) -> Iterator[Overdue]:
        sent_ns = self._run.members.sent_ns
        for key, members in self._run.pending.items():
            match key:
                case (Kind() as kind, int(publisher), int(sequence)):
                    yield Overdue(kind, publisher, sequence, members, now_ns - sent_ns[publisher][sequence])

    def _with_generator(self, second: LoadSecond) -> LoadSecond:
        pulse, published = self._run.pulse, self._run.recorder.publications.data
        if self._lags > len(pulse.lag_ns):  # the measured window has begun, and earlier samples are gone
            self._lags = 0
        lags, self._lags = pulse.lag_ns[self._lags :], len(pulse.lag_ns)
        begin, self._publications = self._publications, len(published["sent_ns"])
        sent = np.array(published["sent_ns"][begin:], dtype=np.int64)
        slips = (sent - np.array(published["intended_ns"][begin:], dtype=np.int64))[sent > 0]
        return replace(
            second,
            published=int(np.count_nonzero(sent)),
            cpu_share=pulse.cpu_share[-1] if pulse.cpu_share else 0.0,
            lag_ns=max(lags, default=0),
            slip_ns=int(slips.max()) if len(slips) else 0,
        )

    def _connections(self) -> ConnectionCounts:
        counts = dict.fromkeys(("connecting", "joining", "receiving", "closed", "ended", "refused"), 0)
        for member in self._run.members:
            if not member.left_ns:
                counts["receiving" if member.in_ns else "joining" if member.connected_ns else "connecting"] += 1
            else:
                ends = {Departure.DROPPED: "ended", Departure.REFUSED: "refused"}
                counts[ends.get(member.departure, "closed") if member.is_well_behaved else "closed"] += 1
        return ConnectionCounts(**counts)

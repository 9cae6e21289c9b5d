"""Broadcast time to N subscribers, as a pytest-benchmark test.

    def test_broadcast(ws_fanout):
        ws_fanout(100)

The timed quantity is the engine's time to last: last receipt minus intended send time. It is not the wall time of the
test. One round is one publication, and a round begins when the previous one has reached every subscriber.

The engine measures in a separate process. The rounds are then replayed to pytest-benchmark on a virtual clock. So the
table of pytest-benchmark, `--benchmark-autosave` and `pytest-benchmark compare` work as usual. Percentiles, reach and
violations are in `extra_info`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

from wsproof.load.judging import JudgedMeasurement, judge_measurement
from wsproof.load.rounds import broadcast_rounds
from wsproof.model.finding import Verdict
from wsproof.model.history import Departure
from wsproof.model.measurement import Measurement
from wsproof.model.nanoseconds import NS
from wsproof.report.figures import void_figures
from wsproof.session.question import Question
from wsproof.stats.metrics import METRICS_BY_NAME, Observed

if TYPE_CHECKING:
    from wsproof.target.server import RunningServer

PERCENTILES = ("p50", "p90", "p99", "p999", "max")
OF_THE_SERVER = {
    "server_cpu_per_delivery_us": "server_cpu_per_delivery",
    "memory_per_connection_kib": "memory_per_connection",
    "server_switches_per_delivery": "server_switches_per_delivery",
    "server_fds": "server_fds",
}
"""Keys of `extra_info`, and the server metrics behind them.

A value is None unless the server's processes run on this machine or `--ws-metrics-url` is given.
"""


class VirtualClock:
    """A clock that moves only when advanced. It passes measured times to pytest-benchmark, which reads a timer."""

    def __init__(self) -> None:
        self.elapsed_ns = 0

    def now(self) -> float:
        """The current time in seconds, as pytest-benchmark expects of a timer."""
        return self.elapsed_ns / NS

    def advance(self, duration_ns: int) -> None:
        """Advance the clock by a duration in ns."""
        self.elapsed_ns += int(duration_ns)


CLOCK = pytest.StashKey[VirtualClock]()
"""Stash key of a test item's virtual clock, which times its benchmark."""


class Fanout:
    """The value of the `ws_fanout` fixture. Call it once per test."""

    def __init__(
        self,
        benchmark: Any,
        clock: VirtualClock,
        server: RunningServer,
        channels: str,
        settings: Mapping[str, str],
        question: Question | None = None,
    ) -> None:
        self.benchmark = benchmark
        self.clock = clock
        self.server = server
        self.channels = channels
        self.settings = settings
        self.question = question or Question()

    def __call__(
        self,
        subscribers: int,
        *,
        rounds: int = 30,
        warmup_rounds: int = 5,
        payload_bytes: int = 120,
        workload: str = "chat",
    ) -> Measurement:
        """Broadcast `rounds` times to `subscribers` connections, and report each time to last to pytest-benchmark.

        Raises:
            AssertionError: there are findings, a subscriber could not connect, no publication reached all
                subscribers, an objective of `--ws-slo` is not met, or figures are void under `--ws-strict-trust`. The
                message has the reasons.
        """
        measurement = broadcast_rounds(
            workload=workload,
            channels=self.channels,
            settings=self.settings,
            endpoint=self.server.endpoint,
            server=self.server,
            subscribers=subscribers,
            rounds=rounds,
            warmup_rounds=warmup_rounds,
            payload_bytes=payload_bytes,
        )
        judged = judge_measurement(measurement, self.server)
        self.benchmark.group = self.benchmark.group or f"broadcast: {workload}, {payload_bytes} bytes"
        self.benchmark.extra_info.update(extra_info(judged))
        away = sum(
            member.departure is Departure.REFUSED or bool(member.join_fault) for member in measurement.history.members
        )
        assert not away, (
            f"{away} of {subscribers} subscribers could not connect and join: this would time a smaller broadcast"
        )
        self._play(measurement)
        # An unknown result ("the check crashed") is not a pass either.
        failed = [finding for finding in judged.findings if finding.verdict() is not Verdict.VALID]
        assert not failed, "\n".join(f"{finding.check}: {finding.explanation}" for finding in failed)
        not_met = [result.sentence() for result in judged.evaluate(self.question.objectives) if not result.met]
        assert not not_met, "\n".join(["Objectives are not met (--ws-slo):", *not_met])
        void = [warning.message for warning in judged.warnings if warning.invalidates]
        assert not (self.question.strict and void), "\n".join(["Figures are void (--ws-strict-trust):", *void])
        return measurement

    def _play(self, measurement: Measurement) -> None:
        times = METRICS_BY_NAME["time_to_last"].compute(Observed(measurement))
        assert times is not None, "no publication reached all its subscribers, so there is no time to last"
        assert len(times), "no publication reached all its subscribers, so there is no time to last"
        remaining = iter(times)
        self.benchmark.pedantic(lambda: self.clock.advance(next(remaining)), rounds=len(times), iterations=1)


def extra_info(judged: JudgedMeasurement) -> dict[str, Any]:
    """Figures, findings and trust warnings that pytest-benchmark has no columns for."""
    metrics, findings = judged.metrics, judged.findings
    info: dict[str, Any] = {"subscribers": judged.measurement.plan.subscribers, "timed": "time_to_last"}
    for name in ("latency", "service_time", "time_to_last", "spread"):
        if name in metrics:
            info |= {f"{name}_{statistic}_ns": getattr(metrics[name], statistic) for statistic in PERCENTILES}
    info["reach"] = metrics["reach"].mean if "reach" in metrics else None
    info |= {key: metrics[name].mean if name in metrics else None for key, name in OF_THE_SERVER.items()}
    info["violations"] = sum(f.occurrences for f in findings if f.verdict() is Verdict.INVALID)
    info["findings"] = [f"{finding.check}: {finding.explanation}" for finding in findings]
    info["void"] = void_figures(metrics)
    info["warnings"] = [warning.message for warning in judged.warnings]
    return info

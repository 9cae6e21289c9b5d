"""Realistic report data: a measurement, a record, a suite's report, a comparison. All are made from one seed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from wsproof import Audience, Comparison, Contract, Finding, Level, Measurement, RunRecord, Verdict
from wsproof.model.chapter import Chapter
from wsproof.model.comparison import Judgement, MetricComparison
from wsproof.model.fault_record import (
    FaultFigure,
    FaultResources,
    FaultsRecord,
    FaultTally,
    ServerState,
    StormRecord,
    StormTurn,
)
from wsproof.model.finding import Anomaly
from wsproof.model.history import Departure, History, Kind, Member, Outcome, Publications, Receipts
from wsproof.model.measurement import GeneratorUsage, ServerUsage
from wsproof.model.plan import Phase, Plan
from wsproof.model.suite import CheckRun, SuiteReport
from wsproof.model.summary import Summary, TrustWarning, Void

NS = 1_000_000_000
GIT: dict[str, Any] = {"branch": "main", "sha": "8f38fc848f3cc77e8b223a0b10249eaec4817dda", "dirty": False}
GIT |= {"describe": "v0.1.0-3-g8f38fc8"}
TARGET: dict[str, Any] = {
    "kind": "asgi",
    "spec": "target_app.main:app",
    "server": "uvicorn",
    "url": "ws://127.0.0.1:1/",
}
HOSTILE = (
    "<script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    "\x1b]0;owned\x07\x1b[31mred\x1b[2J",
    "nul \x00 and bell \x07 and \x9b31m",
    "lone \ud800 surrogate \udfff",
    "turned \u202e around",
    "]]> & <!-- \ufffe -->",
    "{{ 7*7 }} {% raw %} [red]markup[/red] [/]",
)


def measurement(subscribers: int = 100, seconds: int = 10, rate_hz: int = 20, seed: int = 1) -> Measurement:
    """Return a measurement of a chat: log-normal latencies with one slow second, and no loss."""
    random = np.random.default_rng(seed)
    start = 5 * NS
    count = seconds * rate_hz
    intended = start + (np.arange(count) * NS) // rate_hz
    sent = intended + random.integers(20_000, 300_000, count)
    base = random.lognormal(np.log(1.4e6), 0.5, (count, subscribers))
    base[(intended - start) // NS == seconds // 2] *= 6
    received = sent[:, None] + base.astype(np.int64) + np.arange(subscribers)[None, :] * 8_000
    rows = count * subscribers
    ones = np.ones(rows, dtype=np.int64)
    sequence = np.arange(count, dtype=np.int64)
    zeros = np.zeros(count, dtype=np.int64)
    publications = Publications(zeros, sequence, intended, sent, zeros + Phase.MEASURED, zeros + Outcome.OK)
    receipts = Receipts(
        np.tile(np.arange(subscribers, dtype=np.int64), count),
        0 * ones,
        np.repeat(sequence, subscribers),
        np.repeat(intended, subscribers),
        received.ravel(),
        ones * Kind.DELIVERY,
        ones,
    )
    members = tuple(
        Member(
            number,
            str(number + 1),
            900_000 + 1000 * number,
            2 * NS,
            3 * NS,
            start + (seconds + 2) * NS,
            Departure.CLOSED,
            1000,
        )
        for number in range(subscribers)
    )
    end = start + seconds * NS
    history = History(publications, receipts, members, start_ns=start, end_ns=end, drained_ns=end + NS)
    at_ns = start - 2 * NS + np.arange((seconds + 2) * 4) * (NS // 4)
    server = ServerUsage(
        at_ns,
        (np.cumsum(random.uniform(0.2, 0.5, len(at_ns))) * NS / 4).astype(np.int64),
        (60e6 + 3e6 * np.minimum(np.arange(len(at_ns)) / 8, 1) + random.uniform(0, 2e5, len(at_ns))).astype(np.int64),
        np.minimum(np.arange(len(at_ns)) * subscribers // 8, subscribers),
    )
    generator = GeneratorUsage(random.uniform(0.1, 0.45, seconds), random.integers(5_000, 900_000, 500), loop="uvloop")
    plan = Plan(subscribers=subscribers, rate_hz=rate_hz, duration_s=seconds)
    return Measurement(plan, Contract("chat", Audience.EVERYONE, replies=True), history, generator, server)


def violation(**changes: Any) -> Finding:
    """Return a violation: a binary frame disturbs the chat for the others."""
    values: dict[str, Any] = {
        "check": "chat.binary-frame-harms-nobody",
        "section": "chat",
        "anomaly": Anomaly.LOST,
        "level": Level.VIOLATION,
        "explanation": "After member 2 sent one binary frame, member 1 published and member 3 never got it.",
        "witness": ("2 -> BINARY 00 ff", "1 -> TEXT hello", "3 <- nothing for 5.0 s, a message was expected"),
        "recipe": {"suite": "channels", "steps": [1, 2]},
        "reproduced": "3 of 3",
        "source": "All who are connected get what a member says.",
    }
    return Finding(**(values | changes))


def non_strict() -> Finding:
    """Return a non-strict finding: members saw two orders."""
    return violation(
        check="chat.total-order",
        anomaly=Anomaly.REORDERED,
        level=Level.NON_STRICT,
        occurrences=4,
        reproduced=None,
        explanation="Members 1 and 3 saw messages of 2 and 4 in different orders.",
        witness=("1: a b", "3: b a"),
    )


def deviation() -> Finding:
    """Return a known deviation of the server library."""
    return violation(
        check="5.5.1-close-1005",
        section="7.4.1",
        anomaly=Anomaly.PROTOCOL,
        recipe=None,
        explanation="A close frame with code 1005 was echoed; 1005 must never be on the wire.",
        witness=("-> CLOSE 03 ed", "<- CLOSE 03 ed"),
        accepted="the server library echoes every code below 5000",
    )


def suite_report(*findings: Finding) -> SuiteReport:
    """Return a report with five checks of three sections, and these findings."""
    broken = {finding.check for finding in findings if finding.verdict() is Verdict.INVALID}
    runs = (
        CheckRun(
            "4.2-handshake",
            "4.2",
            "An upgrade is answered as the RFC says",
            Verdict.VALID,
            25,
            0.8,
            chapter=Chapter.HANDSHAKE,
        ),
        CheckRun(
            "5.5.1-close-1005",
            "7.4.1",
            "Reserved close codes are refused",
            Verdict.VALID,
            25,
            0.31,
            chapter=Chapter.CLOSE,
        ),
        CheckRun("chat.total-order", "chat", "All members see one order", Verdict.VALID, 10, 1.9),
        CheckRun(
            "chat.binary-frame-harms-nobody",
            "chat",
            "A binary frame harms nobody else",
            Verdict.INVALID if "chat.binary-frame-harms-nobody" in broken else Verdict.VALID,
            12,
            2.5,
        ),
        CheckRun(
            "dashboard.period",
            "dashboard",
            "Ticks come every 2 s",
            Verdict.UNKNOWN if broken else Verdict.VALID,
            0,
            5.0,
            "nothing was received within 5 s" if broken else "",
        ),
    )
    return SuiteReport(7, runs, findings, target=TARGET)


def summary(unit: str = "ns", centre: float = 1_840_321, n: int = 20_000, better: str = "lower") -> Summary:
    """Return a summary around this centre."""
    return Summary(
        unit, better, n, centre, centre * 1.2, centre * 0.4, centre, centre * 2, centre * 4.5, centre * 7, centre * 9
    )


def faults() -> FaultsRecord:
    """Return what faulty clients did to a server whose healthy clients had to wait."""
    states = (ServerState(34_000_000, 34), ServerState(36_000_000, 52), ServerState(35_000_000, 34))
    return FaultsRecord(
        "stalled=5,churn=10/s",
        1.25,
        (
            FaultFigure("latency_p50", "ns", 2.7e6, 348e6, 35.1, 5.74, 215.0, 8, has_worsened=True),
            FaultFigure("latency_p99", "ns", None, None),
        ),
        (FaultTally("stalled", 20), FaultTally("churn", 44, 3, 1)),
        FaultResources(*states, waited_s=0.2),
    )


def storm() -> StormRecord:
    """Return a reconnect storm of two turns. In the second one, two clients did not come back in time."""
    back = StormTurn(False, 100, 100, 0.86, 0.79)
    return StormRecord((back, StormTurn(True, 100, 98, None, 2.95, 40, 12, "HTTP 503")), 5.0, 30.0)


def record(**changes: Any) -> RunRecord:
    """Return a complete and valid record without series. `findings` are those of its measurement."""
    if "findings" in changes:
        changes["measured_findings"] = changes.pop("findings")
    values: dict[str, Any] = {
        "id": "20261122T104152Z-main-8f38fc848-a1b2c3",
        "command": "bench",
        "started_utc": "2026-11-22T10:41:52Z",
        "target": TARGET,
        "git": GIT,
        "machine": {"cpu": "An Example CPU", "cores": 2, "memory_bytes": 8 * 2**30, "python": "CPython 3.11.9"},
        "plan": Plan(subscribers=100, duration_s=10).to_json(),
        "verdict": Verdict.VALID,
        "trusted": True,
        "metrics": {
            "latency": summary(),
            "service_time": summary(centre=1_640_000),
            "time_to_last": summary(centre=4_200_000, n=200),
            "reach": summary("0-1", 1.0, 200, "higher"),
            "deliveries_per_s": Summary("1/s", "higher", 1, 2000.0),
        },
        "complete": True,
        "wall_s": 14.2,
    }
    return RunRecord(**(values | changes))


def caution(**changes: Any) -> TrustWarning:
    """Return a warning that the generator was busy."""
    values: dict[str, Any] = {
        "code": "generator-cpu",
        "message": "The generator used 93 % of a core in one second.",
        "advice": "Use --processes 2, or fewer subscribers.",
        "invalidates": True,
    }
    return TrustWarning(**(values | changes))


def partly_void(**changes: Any) -> RunRecord:
    """Return a record in which only latency p99 is void."""
    warning = TrustWarning(
        "schedule-slip", "Messages were sent late, not caused by the server.", "Wait.", True, ("latency.p99",)
    )
    latency = replace(summary(), void={"p99": Void(warning.code, warning.message, 2_100_000.0)})
    metrics = {"latency": latency, "time_to_last": summary(centre=4_200_000, n=200)}
    return record(**({"metrics": metrics, "trusted": False, "warnings": (warning,)} | changes))


def comparison(verdict: Judgement = Judgement.WORSE, **changes: Any) -> Comparison:
    """Return a comparison of ten pairs: latency worse, the rest equal or unclear."""
    pairs = tuple((1.84e6 * (1 + 0.01 * i), 2.31e6 * (1 + 0.01 * i)) for i in range(10))

    def row(
        name: str, judgement: Judgement, ratio: float | None, low: float | None, high: float | None, **more: Any
    ) -> Any:
        values: dict[str, Any] = {"unit": "ns", "better": "lower", "floor": 0.05, "p": 0.004, "detectable": 0.08}
        return MetricComparison(
            metric=name, verdict=judgement, ratio=ratio, ci_low=low, ci_high=high, **(values | more)
        )

    rows = (
        row("latency_p50", verdict, 1.255, 1.21, 1.30, primary=True, base=1.84e6, candidate=2.31e6, pairs=pairs),
        row(
            "latency_p99",
            Judgement.CANNOT_TELL,
            1.06,
            0.93,
            1.21,
            primary=True,
            base=8.1e6,
            candidate=8.6e6,
            p=0.4,
            detectable=0.14,
        ),
        row("time_to_last", Judgement.SAME, 1.01, 0.98, 1.03, primary=True, base=4.2e6, candidate=4.24e6, p=0.6),
        row(
            "server_cpu_per_delivery",
            Judgement.BETTER,
            0.81,
            0.78,
            0.84,
            primary=True,
            unit="us",
            base=21.0,
            candidate=17.0,
        ),
        row(
            "deliveries_per_s",
            Judgement.SAME,
            1.0,
            None,
            None,
            unit="1/s",
            better="higher",
            base=2000.0,
            candidate=2000.0,
            p=None,
            detectable=None,
        ),
        row("memory_per_connection", Judgement.CANNOT_TELL, None, None, None, unit="KiB", p=None, detectable=None),
    )
    values: dict[str, Any] = {
        "base": {"ref": "main", "sha": GIT["sha"]},
        "candidate": {"ref": "slow-chat", "sha": "c" * 40, "dirty": True},
        "verdict": verdict,
        "metrics": rows,
        "plan": Plan().to_json(),
        "seed": 11,
        "pairs": 10,
        "order": "ABBA" * 5,
        "started_utc": "2026-11-22T10:41:52Z",
        "wall_s": 310.0,
    }
    return Comparison(**(values | changes))

"""The figures of a running load as rows: of the newest seconds, and of the whole test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np

from wsproof.model.finding import Finding, Verdict
from wsproof.model.load_second import ConnectionCounts, Duration, LoadSecond, percentile_ns
from wsproof.model.measurement import ServerUsage
from wsproof.report.live_view import LiveView, LiveWorkload
from wsproof.report.text.run import Tone
from wsproof.report.text.units import for_reader, share
from wsproof.stats.running import RECENT_SECONDS, RunningLoad
from wsproof.stats.trust import LOOP_LAG_NS, MAX_GENERATOR_CPU, MIN_SLIP_NS, SLIP_SHARE_OF_LATENCY

RECENT = f"last {RECENT_SECONDS} s"
STALLED_NS = 2_000_000_000
"""Nanoseconds after which an outstanding delivery is shown as a stall."""
PERCENTILES = (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))


@dataclass(frozen=True)
class FigureRow:
    """One figure of a workload: its value in the newest seconds and in the whole test, and a remark."""

    workload: str
    figure: str
    recent: str
    whole: str
    tone: Tone = Tone.NONE
    remark: str = ""


def tone_of_rows(rows: Iterable[FigureRow]) -> Tone:
    """The worst tone of the rows."""
    tones = [row.tone for row in rows]
    order = (Tone.BAD, Tone.UNSURE, Tone.GOOD)
    return next((tone for tone in order if tone in tones), Tone.NONE)


def rows_of(view: LiveView) -> list[FigureRow]:
    """All figures of a load."""
    rows = [row for workload in view.workloads for row in _of_workload(workload, view)]
    return [*rows, *(row for usage in view.servers for row in _of_server(usage))]


def _of_workload(workload: LiveWorkload, view: LiveView) -> Iterator[FigureRow]:
    name = workload.name
    yield _violations(workload, is_strict=view.is_strict)
    if workload.seconds and not view.has_ended:
        yield from _outstanding(name, workload.seconds[-1])
    for outcome in workload.objectives:
        tone = Tone.UNSURE if outcome.met is None else Tone.GOOD if outcome.met else Tone.BAD
        result, _, reason = outcome.sentence.partition(": ")
        remark = reason.removeprefix(outcome.objective).strip(" ()")
        yield FigureRow(name, f"objective {outcome.objective}", "", result, tone, remark)
    for warning in workload.warnings:
        if warning.invalidates:
            yield FigureRow(name, warning.code, "", "void figures", Tone.BAD, f"{warning.message} {warning.advice}")
    if not workload.seconds:
        return
    whole, recent = workload.whole, RunningLoad(workload.seconds[-RECENT_SECONDS:])
    yield from _times(name, "latency", recent.latency, whole.latency)
    yield from _times(name, "time to last", recent.time_to_last, whole.time_to_last)
    yield from _times(name, "spread of a tick", recent.spread, whole.spread)
    yield FigureRow(name, "deliveries", _rate(recent.per_second("deliveries")), _rate(whole.per_second("deliveries")))
    if whole.per_second("published"):
        published = _rate(recent.per_second("published")), _rate(whole.per_second("published"))
        yield FigureRow(name, "publications", *published)
    last = workload.seconds[-1]
    if whole.reach is not None:
        is_whole = last.missed == 0
        tone = Tone.GOOD if is_whole else Tone.UNSURE
        yield FigureRow(name, "reach", "", share(whole.reach), tone, "of the deliveries due more than a second ago")
    yield _connections(name, last.connections)
    yield from _generator(name, recent, whole)
    yield from _unsent(name, workload.seconds)


def _violations(workload: LiveWorkload, *, is_strict: bool) -> FigureRow:
    broken = violations_of(workload, is_strict=is_strict)
    count = sum(finding.occurrences for finding in broken)
    listed = ", ".join(f"{finding.check}: {finding.occurrences:,}" for finding in broken)
    return FigureRow(workload.name, "violations", "", f"{count:,}", Tone.BAD if broken else Tone.GOOD, listed)


def violations_of(workload: LiveWorkload, *, is_strict: bool) -> list[Finding]:
    """The findings that make the verdict invalid."""
    return [finding for finding in workload.findings if finding.verdict(strict=is_strict) is Verdict.INVALID]


def _outstanding(name: str, last: LoadSecond) -> Iterator[FigureRow]:
    if last.outstanding:
        tone = Tone.BAD if last.oldest_ns > STALLED_NS else Tone.NONE
        waited = f"the oldest for {for_reader(last.oldest_ns, 'ns')}"
        yield FigureRow(name, "outstanding", f"{last.outstanding:,}", "", tone, waited)


def _times(name: str, title: str, recent: Duration, whole: Duration) -> Iterator[FigureRow]:
    if not whole:
        return
    for label, part in PERCENTILES:
        yield FigureRow(name, f"{title} {label}", _time(percentile_ns(recent, part)), _time(percentile_ns(whole, part)))


def _time(value: float | None) -> str:
    return "–" if value is None else for_reader(value, "ns")


def _rate(value: float | None) -> str:
    return "–" if value is None else for_reader(value, "1/s")


def _connections(name: str, connections: ConnectionCounts) -> FigureRow:
    counts = {state_field.name: getattr(connections, state_field.name) for state_field in fields(connections)}
    listed = ", ".join(
        f"{count:,} {state.replace('ended', 'ended by the server')}" for state, count in counts.items() if count
    )
    tone = Tone.BAD if connections.ended or connections.refused else Tone.NONE
    return FigureRow(name, "connections", listed or "none", "", tone)


def _generator(name: str, recent: RunningLoad, whole: RunningLoad) -> Iterator[FigureRow]:
    """The load generator's own figures: red where they make others void."""
    busy = recent.largest("cpu_share")
    yield FigureRow(
        name,
        "generator CPU",
        share(busy),
        share(whole.largest("cpu_share")),
        Tone.BAD if busy > MAX_GENERATOR_CPU else Tone.NONE,
        "void: no CPU time left" if busy > MAX_GENERATOR_CPU else "of one core, in the busiest second",
    )
    lag = recent.largest("lag_ns")
    yield FigureRow(
        name,
        "generator lag",
        for_reader(lag, "ns"),
        for_reader(whole.largest("lag_ns"), "ns"),
        Tone.UNSURE if lag > LOOP_LAG_NS else Tone.NONE,
    )
    if whole.per_second("published"):
        yield _slip(name, recent, whole)


def _unsent(name: str, seconds: Sequence[LoadSecond]) -> Iterator[FigureRow]:
    """The backlog of publications: red if it has lasted for a second. A send that is only late is shown as slip."""
    last, lasting = seconds[-1].unsent, min(second.unsent for second in seconds[-2:])
    if last:
        is_late = lasting > 1  # one message may have become due at this moment
        remark, tone = ("void: due, but not sent", Tone.BAD) if is_late else ("", Tone.NONE)
        yield FigureRow(name, "unsent publications", f"{last:,}", "", tone, remark)


def _slip(name: str, recent: RunningLoad, whole: RunningLoad) -> FigureRow:
    """The row on late sends. It is doubtful if the slip is a large part of the latency."""
    slip, p99 = recent.largest("slip_ns"), percentile_ns(recent.latency, 0.99) or 0.0
    is_late = slip > max(MIN_SLIP_NS, SLIP_SHARE_OF_LATENCY * p99)
    return FigureRow(
        name,
        "schedule slip",
        for_reader(slip, "ns"),
        for_reader(whole.largest("slip_ns"), "ns"),
        Tone.UNSURE if is_late else Tone.NONE,
        "messages are sent late: the largest figures may be void" if is_late else "",
    )


def _of_server(usage: ServerUsage) -> Iterator[FigureRow]:
    if len(usage.at_ns) < 2:
        return
    took_ns, used_ns = np.diff(usage.at_ns[[0, -1]]), np.diff(usage.cpu_ns[[0, -1]])
    newest = usage.at_ns >= usage.at_ns[-1] - RECENT_SECONDS * 10**9
    at, cpu = usage.at_ns[newest], usage.cpu_ns[newest]
    recent = float(cpu[-1] - cpu[0]) / float(at[-1] - at[0]) if len(at) > 1 and at[-1] > at[0] else None
    whole = share(float(used_ns[0] / took_ns[0]))
    yield FigureRow("server", "CPU", "–" if recent is None else share(recent), whole, remark="100 % is one core")
    memory = usage.memory_bytes
    most = for_reader(float(memory.max()), "B")
    yield FigureRow("server", "memory", for_reader(float(memory[-1]), "B"), f"at most {most}")

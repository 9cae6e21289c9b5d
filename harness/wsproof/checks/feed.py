"""Checks that a feed keeps its period and its value ranges, for any number of viewers."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import islice, pairwise, takewhile
from reprlib import repr as brief  # shortens deeply nested values, on which repr fails
from statistics import median
from typing import Any

from wsproof.checks.check import channel_finding
from wsproof.checks.describe import Describer, shortened
from wsproof.model.contract import Contract, Feed, Range
from wsproof.model.expected import stayed_through
from wsproof.model.finding import Anomaly, Finding
from wsproof.model.history import History, Tick
from wsproof.model.nanoseconds import NS

SLOWEST, FASTEST = 1.5, 0.67
"""Limits of a period, as multiples of the promised one.

They are wide, because this is a check and not a measurement. A producer that was started twice halves the period, so
the lower limit is clearly above one half.
"""
DENSE = 0.85
"""Share of the period. Objects with a smaller mean distance are more than were due.

It is at most 0.75 if a second producer sends for half of the time, and 1 if overdue objects were only caught up with.
"""
HICCUP_NS = 50_000_000
"""Delay in ns that a busy machine may add without a fault of the server."""
OVERDUE = 0.25
"""Share of the period. Objects that come faster right after joining may be overdue ones, all sent at once."""
STOP_S = 1.0
"""Seconds. A step that is longer than the period by this much may be a stop of the process."""
FEWEST = 5
"""Fewest objects from which a period is computed."""
MANY = 10
"""Number of steps from which single ones count less: a busy machine may delay a few objects in a row."""

DEPARTURE_PERIODS, DEPARTURE_S = 2, 0.1
"""Most periods, and fewest seconds, between a departure and the last object of a feed that it seems to end."""


def out_of_range(history: History, contract: Contract) -> list[Finding]:
    """Each object of a feed has its fields, as finite numbers within their ranges."""
    if contract.feed is None:
        return []
    wrong = [(tick, fault) for tick in history.ticks if (fault := _fault(tick.value, contract.feed))]
    if not wrong:
        return []
    describer, (tick, fault) = Describer(history), wrong[0]
    return [
        channel_finding(
            Anomaly.OUT_OF_RANGE,
            contract,
            f"An object of the feed is wrong: {fault}{f' ({len(wrong)} such objects)' if len(wrong) > 1 else ''}.",
            [line_of(describer, tick)],
            occurrences=len(wrong),
        )
    ]


def _fault(value: dict[str, Any] | None, feed: Feed) -> str | None:
    """Return what is wrong with an object of the feed; None if nothing is."""
    if value is None:
        return "it is not a JSON object"
    for name, allowed in feed.fields:
        if name not in value:
            return f"{name} is missing"
        if not _fits(value[name], allowed):
            kind = "an integer" if allowed.integer else "a number"
            return f"{name} is {shortened(brief(value[name]), 60)}, not {kind} from {allowed.low:g} to {allowed.high:g}"
    return None


def _fits(number: Any, allowed: Range) -> bool:
    """Whether a value is a finite number of the right type, within its range."""
    if isinstance(number, bool) or not isinstance(number, int | float):
        return False
    if isinstance(number, float) and (allowed.integer or not math.isfinite(number)):
        return False
    return allowed.low <= number <= allowed.high


def wrong_period(history: History, contract: Contract) -> list[Finding]:
    """A feed sends one object per period, and does not stop while it has a viewer."""
    if contract.feed is None:
        return []
    too_often = _too_often(history, contract.feed)
    findings = (
        []
        if too_often is None or _has_period_for_one_viewer(history, contract.feed)
        else [_pace(history, contract, too_often)]
    )
    slow = (number for number, ticks in ticks_by_viewer(history).items() if _is_too_slow(ticks, contract.feed))
    findings += [_pace(history, contract, number) for number in islice(slow, 1)]
    return findings


def _is_too_slow(ticks: list[Tick], feed: Feed) -> bool:
    """Whether a viewer receives objects too rarely, and not only because the server stopped or had to wait."""
    step = _step_ns(ticks)
    limit = SLOWEST * feed.period_s * NS + HICCUP_NS
    return step is not None and step > limit and is_mostly_late(ticks, feed) and not _may_be_stops(ticks, feed, limit)


def is_mostly_late(ticks: Sequence[Tick], feed: Feed) -> bool:
    """Whether more than three quarters of the steps are too long, or all of a few.

    A server that is short of CPU keeps the period now and then; one with a wrong period never does.
    """
    steps = [b.received_ns - a.received_ns for a, b in pairwise(ticks)]
    in_time = sum(step <= SLOWEST * feed.period_s * NS for step in steps)
    return in_time == 0 if len(steps) < MANY else in_time < len(steps) / 4


def _may_be_stops(ticks: list[Tick], feed: Feed, limit_ns: float) -> bool:
    """Whether the server keeps the period, but for times in which its whole process may have been stopped."""
    steps = [b.received_ns - a.received_ns for a, b in pairwise(ticks)]
    late = [step for step in steps if step > limit_ns]
    return len(late) < len(steps) and min(late, default=0) >= (feed.period_s + STOP_S) * NS


def leaked_producer(history: History, contract: Contract) -> list[Finding]:
    """The rate of a feed is the same for any number of viewers."""
    if contract.feed is None:
        return []
    number = _too_often(history, contract.feed)
    if number is None or not _has_period_for_one_viewer(history, contract.feed):
        return []
    return [_pace(history, contract, number, Anomaly.LEAKED_PRODUCER)]


def feed_stopped(history: History, contract: Contract, *, names_cause: bool = True) -> list[Finding]:
    """A feed goes on for its remaining viewers, whatever happens to the others."""
    if contract.feed is None or not history.drained_ns:
        return []
    timeout_ns = silence_ns(contract.feed)
    last: dict[int, int] = defaultdict(int)
    for tick in history.ticks:
        last[tick.subscriber] = tick.received_ns
    describer, silent = Describer(history), []
    for member in history.members:
        since = last[member.number] or member.connected_ns
        watching = member.connected_ns and member.is_well_behaved and stayed_through(member, history)
        if watching and history.drained_ns - since > timeout_ns:
            silent.append((member, last[member.number]))
    if not silent:
        return []
    member, at = silent[0]
    others = [m for m in history.members if not m.is_well_behaved] if names_cause else []
    anomaly = Anomaly.STALLED_BY_OTHER_MEMBER if others else Anomaly.LOST if at else Anomaly.NOTHING_RECEIVED
    seconds = (history.drained_ns - (at or member.connected_ns)) / NS
    cause = f" since {describer.who(others[0].number)} {_did(others[0].misbehaviour)}" if others else ""
    cause = cause or _departure_in_words(history, contract.feed, at)
    return [
        channel_finding(
            anomaly,
            contract,
            f"The feed {'stopped' if at else 'never sent anything'}{cause}: {describer.who(member.number)} got "
            f"{'nothing more' if at else 'nothing'} for {seconds:.1f} s, "
            f"with a period of {contract.feed.period_s:g} s ({len(silent)} viewer(s) in all).",
            [*(describer.arrival(m.number) for m in others[:2]), describer.arrival(member.number)]
            + [f"{describer.when(at)}  {describer.who(member.number)} receives its last object"] * bool(at)
            + [f"{describer.when(history.drained_ns)}  still nothing"],
            occurrences=len(silent),
        )
    ]


def _departure_in_words(history: History, feed: Feed, last_ns: int) -> str:
    """The departure of a viewer in the moment of the last object; empty without one."""
    tolerance_ns = int(max(DEPARTURE_PERIODS * feed.period_s, DEPARTURE_S) * NS)
    for member in history.members:
        if member.departure.is_own and member.in_ns and abs(member.left_ns - last_ns) <= tolerance_ns:
            is_first = all(member.connected_ns <= other.connected_ns for other in history.members)
            return f" when {Describer(history).who(member.number)}{', its first viewer,' if is_first else ''} left"
    return ""


def silence_ns(feed: Feed) -> int:
    """Silence in ns after which a feed counts as stopped."""
    return int(max(4 * feed.period_s, feed.period_s + 1) * NS)


def _did(misbehaviour: str) -> str:
    return f"sent {misbehaviour}" if misbehaviour else "stopped reading"


def ticks_by_viewer(history: History) -> dict[int, list[Tick]]:
    """The objects of each well-behaved viewer, without the snapshot that it may have received on connecting."""
    viewers: dict[int, list[Tick]] = defaultdict(list)
    for tick in history.steady_ticks():
        if history.members[tick.subscriber].is_well_behaved:
            viewers[tick.subscriber].append(tick)
    return viewers


def _step_ns(ticks: list[Tick]) -> float | None:
    """The typical period in ns; None if there are too few objects.

    The median over pairs of periods, because two producers may alternate at any distance. It is half a period for two
    producers and a whole period for one producer. A single delay does not change it.
    """
    if len(ticks) < FEWEST:
        return None
    return median(b.received_ns - a.received_ns for a, b in zip(ticks, ticks[2:], strict=False)) / 2


def _too_often(history: History, feed: Feed) -> int | None:
    """The first viewer that receives objects too often: typically, and on the whole.

    A server that was held back may send what is overdue in quick succession. It has then sent no more than was due.
    If the viewer joined meanwhile, it sees only that succession: these objects do not count.
    """
    for number, ticks in ticks_by_viewer(history).items():
        ticks = _without_overdue(ticks, feed)
        step = _step_ns(ticks)
        if step is None or step >= FASTEST * feed.period_s * NS:
            continue
        mean_ns = (ticks[-1].received_ns - ticks[0].received_ns) / (len(ticks) - 1)
        if mean_ns < DENSE * feed.period_s * NS:
            return number
    return None


def _without_overdue(ticks: list[Tick], feed: Feed) -> list[Tick]:
    """The objects from the first step on that is not much shorter than the period."""
    overdue = takewhile(
        lambda pair: pair[1].received_ns - pair[0].received_ns < OVERDUE * feed.period_s * NS, pairwise(ticks)
    )
    return ticks[sum(1 for _ in overdue) :]


def _has_period_for_one_viewer(history: History, feed: Feed) -> bool:
    """Whether the feed kept its period while it had one viewer. False if there never was a second; True if unknown."""
    viewers = sorted((m for m in history.members if m.connected_ns), key=lambda m: m.connected_ns)
    if len(viewers) < 2:
        return False
    alone = [t for t in ticks_by_viewer(history).get(viewers[0].number, []) if t.received_ns < viewers[1].connected_ns]
    step = _step_ns(alone)
    return step is None or step >= FASTEST * feed.period_s * NS


def _pace(history: History, contract: Contract, number: int, anomaly: Anomaly = Anomaly.WRONG_PERIOD) -> Finding:
    """The finding of a wrong period, as one viewer saw it."""
    assert contract.feed is not None
    describer, ticks = Describer(history), ticks_by_viewer(history)[number]
    seconds = (ticks[-1].received_ns - ticks[0].received_ns) / NS
    step = (_step_ns(ticks) or 0) / NS
    viewers = sum(1 for m in history.members if m.connected_ns)
    joined = f" after {viewers} viewers had joined" if anomaly is Anomaly.LEAKED_PRODUCER else ""
    return channel_finding(
        anomaly,
        contract,
        f"{describer.who(number)} got {len(ticks)} objects in {seconds:.2f} s{joined}, typically one every {step:.3g} "
        f"s; the period is {contract.feed.period_s:g} s.",
        [describer.arrival(m.number) for m in history.members[:3]] + [line_of(describer, tick) for tick in ticks[-4:]],
    )


def line_of(describer: Describer, tick: Tick) -> str:
    text = shortened(tick.text or str(tick.value))
    return f"{describer.when(tick.received_ns)}  {describer.who(tick.subscriber)} receives {text}"

"""Checks a feed over a long time: its rate in every stretch, and pauses that are no delay of ours."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from wsproof.checks.check import channel_finding
from wsproof.checks.feed import FASTEST, HICCUP_NS, SLOWEST, is_mostly_late
from wsproof.model.contract import Contract, Feed
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import History, Tick
from wsproof.model.nanoseconds import NS
from wsproof.model.standing import Flood

STRETCH = 20
"""Number of objects in a stretch. Single delays do not change the median of this many steps."""
SILENCE = 3.0
"""Number of periods. A longer time without an object is a silence."""
LEAST_PAUSE_S = 5.0
"""Shortest silence in seconds that counts as a pause: the server may be busy with the messages of the suite."""
LONGEST_STOP_S = 10.0
"""Seconds. The whole process of a server may be stopped for some of them, and 5.6 s were seen on a busy machine. A
shorter pause, after which the feed continues, is reported but is not a violation."""
PAUSE_PERIODS = 4.0
"""Shortest silence in periods that counts as a pause."""
BACKLOG = 5
"""Number of objects at once, right after joining, that make a backlog. One or two may be a snapshot."""


def feed_over_time(history: History, contract: Contract, floods: Sequence[Flood] = ()) -> list[Finding]:
    """A feed keeps its rate for as long as it has a viewer, without drift, pauses or bursts.

    In the time of `floods` the feed may be slow, and may pause: a slow server may do nothing else meanwhile.
    """
    if contract.feed is None or not history.ticks:
        return []
    ticks = list(history.ticks)
    return [
        *_drift(ticks, contract, contract.feed, floods),
        *_pause(ticks, contract, contract.feed, floods),
        *_backlog(ticks, history, contract, contract.feed),
        *_end(ticks, history, contract, contract.feed, floods),
    ]


def _drift(ticks: list[Tick], contract: Contract, feed: Feed, floods: Sequence[Flood]) -> list[Finding]:
    """The finding of two stretches, one after the other, whose typical step is not the period."""
    period_ns = feed.period_s * NS
    before = ""
    for start in range(1, len(ticks) - STRETCH, STRETCH // 2):
        stretch = ticks[start : start + STRETCH + 1]
        step = typical_step_ns(stretch)
        pace = "fast" if step < FASTEST * period_ns else "slow" if step > SLOWEST * period_ns + HICCUP_NS else ""
        if pace == "fast" and _follows_a_silence(ticks, start + STRETCH, period_ns):
            pace = ""  # delayed objects that arrived one after another
        if pace == "slow" and (
            not is_mostly_late(stretch, feed) or _disturbed_ns(stretch[0].received_ns, stretch[-1].received_ns, floods)
        ):
            pace = ""
        is_repeated = bool(pace) and pace == before
        before = pace
        if not is_repeated:
            continue
        return [
            channel_finding(
                Anomaly.WRONG_PERIOD,
                contract,
                f"The feed changed its rate: objects {start} to {start + STRETCH} typically arrived every "
                f"{step / NS:.3g} s; the period is {feed.period_s:g} s.",
                [_line(ticks[0], tick) for tick in (stretch[0], stretch[1], stretch[-1])],
            )
        ]
    return []


def typical_step_ns(stretch: list[Tick]) -> float:
    """The median over pairs of steps, halved: two producers that alternate give half a period."""
    return median(b.received_ns - a.received_ns for a, b in zip(stretch, stretch[2:], strict=False)) / 2


def _follows_a_silence(ticks: list[Tick], end: int, period_ns: float) -> bool:
    """Whether the objects up to `end` may have been produced in time, and delayed by a silence."""
    steps = [(b.received_ns - a.received_ns, at) for at, (a, b) in enumerate(pairwise(ticks[: end + 1]))]
    longest, at = max(steps)
    total_ns = ticks[end].received_ns - ticks[at].received_ns
    return longest > SILENCE * period_ns and total_ns >= FASTEST * period_ns * (end - at)


def _pause(ticks: list[Tick], contract: Contract, feed: Feed, floods: Sequence[Flood]) -> list[Finding]:
    """The finding of the longest silence between two objects.

    If the objects of that time then come at once, they may have waited at our end, so nothing is known.
    """
    period_ns, pause_ns = feed.period_s * NS, _pause_ns(feed)
    pauses: list[tuple[Tick, Tick]] = []
    for at, (before, after) in enumerate(pairwise(ticks)):
        silence = after.received_ns - before.received_ns
        if _undisturbed_ns(before.received_ns, after.received_ns, floods) <= pause_ns:
            continue
        at_once = sum(1 for tick in ticks[at + 1 :] if tick.received_ns - after.received_ns < period_ns / 2)
        if at_once <= silence / period_ns / 2:
            pauses.append((before, after))
    if not pauses:
        return []
    before, after = max(pauses, key=lambda pause: pause[1].received_ns - pause[0].received_ns)
    silence = after.received_ns - before.received_ns
    is_short = silence <= max(LONGEST_STOP_S * NS, pause_ns)
    explanation = f"The feed stopped for {silence / NS:.1f} s and then continued; the period is {feed.period_s:g} s."
    if is_short:
        explanation += " The whole server process may have been stopped, so this does not count."
    level = Level.INFORMATIONAL if is_short else Level.VIOLATION
    return [
        channel_finding(
            Anomaly.LOST, contract, explanation, [_line(ticks[0], before), _line(ticks[0], after)], level=level
        )
    ]


def _end(ticks: list[Tick], history: History, contract: Contract, feed: Feed, floods: Sequence[Flood]) -> list[Finding]:
    """The finding that nothing more arrived, although the viewer stayed."""
    silence = history.drained_ns - ticks[-1].received_ns
    if _undisturbed_ns(ticks[-1].received_ns, history.drained_ns, floods) <= _pause_ns(feed):
        return []
    explanation = (
        f"The feed stopped: after {len(ticks)} objects nothing more arrived for {silence / NS:.1f} s, although the "
        f"viewer stayed; the period is {feed.period_s:g} s."
    )
    return [channel_finding(Anomaly.LOST, contract, explanation, [_line(ticks[0], ticks[-1])])]


def _undisturbed_ns(begin_ns: int, end_ns: int, floods: Sequence[Flood]) -> int:
    """The length of this time, without its overlap with floods."""
    return end_ns - begin_ns - _disturbed_ns(begin_ns, end_ns, floods)


def _disturbed_ns(begin_ns: int, end_ns: int, floods: Sequence[Flood]) -> int:
    """The overlap of this time with floods. These do not overlap each other: schedules run one after the other."""
    return sum(max(0, min(end, end_ns) - max(begin, begin_ns)) for begin, end in floods)


def _pause_ns(feed: Feed) -> float:
    """Silence in ns after which a feed has stopped, however busy the server was."""
    return max(PAUSE_PERIODS * feed.period_s, LEAST_PAUSE_S) * NS


def _backlog(ticks: list[Tick], history: History, contract: Contract, feed: Feed) -> list[Finding]:
    """The finding that a viewer received many objects at once when it joined. Some feeds send their history on purpose.

    Objects that were produced between the handshake and the first object may only have waited at our end.
    """
    first = ticks[0].received_ns
    at_once = sum(1 for tick in ticks if tick.received_ns - first < feed.period_s * NS / 4)
    own_delay = (first - history.members[0].connected_ns) / (feed.period_s * NS)
    if at_once < BACKLOG + own_delay:
        return []
    return [
        channel_finding(
            Anomaly.WRONG_PERIOD,
            contract,
            f"A viewer received {at_once} objects at once when it joined, with a period of {feed.period_s:g} s: a "
            "history, or objects that were produced while there was no viewer.",
            [_line(ticks[0], ticks[0]), _line(ticks[0], ticks[at_once - 1])],
            level=Level.INFORMATIONAL,
        )
    ]


def _line(first: Tick, tick: Tick) -> str:
    return f"{(tick.received_ns - first.received_ns) / 1e6:+.1f} ms  the viewer receives an object"

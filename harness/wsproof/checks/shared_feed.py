"""Checks that all viewers of a feed receive the same objects, each of them once."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice, pairwise
from reprlib import Repr

from wsproof.checks.check import channel_finding
from wsproof.checks.delivery import is_disturbed
from wsproof.checks.describe import Describer
from wsproof.checks.feed import HICCUP_NS, line_of, ticks_by_viewer
from wsproof.model.contract import Contract, Feed
from wsproof.model.finding import Anomaly, Finding
from wsproof.model.history import History, Tick
from wsproof.model.nanoseconds import NS
from wsproof.model.standing import Flood

_SHORT = Repr()  # shortens deeply nested values, on which repr fails
_SHORT.maxlist = _SHORT.maxdict = 1_000
_SHORT.maxstring = _SHORT.maxother = 10_000
TOGETHER = 3
"""Number of objects that two viewers must have had time to receive together before they are compared."""


@dataclass(frozen=True)
class Difference:
    """Two viewers that were connected at the same time and did not receive the same objects.

    `lacking` are objects that only `other` received, `extra` those that only `viewer` received.
    """

    viewer: int
    other: int
    lacking: tuple[Tick, ...]
    extra: tuple[Tick, ...]
    mostly_equal: bool
    """Whether at least half of the objects of either viewer are also the other's, in the same order."""


def own_producer(history: History, contract: Contract) -> list[Finding]:
    """All viewers of a feed receive the same objects."""
    describer = Describer(history)
    unlike = (each for each in _differences(history, contract) if not each.mostly_equal)
    return [
        channel_finding(
            Anomaly.LEAKED_PRODUCER,
            contract,
            f"{describer.who(each.viewer)} and {describer.who(each.other)} were connected at the same time and "
            "received different objects: each seems to have a producer of its own. If each viewer is to have a feed "
            "of its own, declare it with Feed(..., shared=False).",
            [line_of(describer, tick) for tick in (*each.lacking[-1:], *each.extra[-1:])],
        )
        for each in islice(unlike, 1)
    ]


def missing_object(history: History, contract: Contract, *, floods: Sequence[Flood] = ()) -> list[Finding]:
    """Each viewer of a feed receives every object that other viewers receive meanwhile.

    A server that was late may skip an object that is outdated already. So only those count that were produced in time.
    """
    if contract.feed is None:
        return []
    for each in _differences(history, contract):
        if not each.mostly_equal:
            continue
        lacked = ((each.viewer, each.other, each.lacking), (each.other, each.viewer, each.extra))
        for viewer, other, ticks in lacked:
            calm = [tick for tick in ticks if not any(begin <= tick.received_ns <= end for begin, end in floods)]
            missing = _produced_in_time(calm, history, contract.feed)
            if missing:
                return [_missing_finding(history, contract, viewer, other, missing)]
    return []


def _missing_finding(history: History, contract: Contract, viewer: int, other: int, missing: Sequence[Tick]) -> Finding:
    describer = Describer(history)
    times = f" ({len(missing)} such objects)" if len(missing) > 1 else ""
    return channel_finding(
        Anomaly.LOST,
        contract,
        f"{describer.who(viewer)} never received an object that the server sent to {describer.who(other)}, although "
        f"it received the objects before and after it{times}.",
        [line_of(describer, tick) for tick in missing[:3]],
        occurrences=len(missing),
    )


def _differences(history: History, contract: Contract) -> Iterator[Difference]:
    """Yield each viewer that did not receive the same objects as the viewer of its room that received most."""
    feed = contract.feed
    if feed is None or not feed.shared or is_disturbed(history):
        return
    rooms: dict[int, dict[int, list[Tick]]] = defaultdict(dict)
    for number, ticks in ticks_by_viewer(history).items():
        rooms[history.members[number].room][number] = ticks
    for viewers in rooms.values():
        longest = max(viewers, key=lambda number: len(viewers[number]))
        for number, ticks in viewers.items():
            shift = _allowed_shift(feed, ticks, viewers[longest])
            mine, reference = _together(ticks, viewers[longest])
            if number == longest or min(len(mine), len(reference)) < TOGETHER + shift - 1:
                continue
            if not _agree(mine, reference, shift, feed):
                yield _difference(number, longest, mine, reference, shift, feed)


def _difference(viewer: int, other: int, mine: list[Tick], reference: list[Tick], shift: int, feed: Feed) -> Difference:
    """Compare the objects of two viewers; the first and the last `shift` of them may have no counterpart."""
    keys, reference_keys = ([_key(tick, feed) for tick in ticks] for ticks in (mine, reference))
    matcher = SequenceMatcher(None, keys, reference_keys, autojunk=False)
    blocks = matcher.get_matching_blocks()
    matched = sum(block.size for block in blocks)
    in_mine = {at for block in blocks for at in range(block.a, block.a + block.size)}
    in_reference = {at for block in blocks for at in range(block.b, block.b + block.size)}
    extra = tuple(mine[at] for at in range(shift, len(mine) - shift) if at not in in_mine)
    lacking = tuple(reference[at] for at in range(shift, len(reference) - shift) if at not in in_reference)
    return Difference(viewer, other, lacking, extra, 2 * matched >= max(len(mine), len(reference)))


def _produced_in_time(ticks: Sequence[Tick], history: History, feed: Feed) -> list[Tick]:
    """Those of a viewer's objects that came neither right after the one before nor right before the next one."""
    half_ns = feed.period_s * NS / 2
    own = ticks_by_viewer(history)[ticks[0].subscriber] if ticks else []
    steady = {
        id(tick)
        for before, tick, after in zip(own, own[1:], own[2:], strict=False)
        if min(tick.received_ns - before.received_ns, after.received_ns - tick.received_ns) >= half_ns
    }
    return [tick for tick in ticks if id(tick) in steady]


def _together(one: list[Tick], other: list[Tick]) -> tuple[list[Tick], list[Tick]]:
    """The objects that each of two viewers received while both were connected."""
    low, high = max(one[0].received_ns, other[0].received_ns), min(one[-1].received_ns, other[-1].received_ns)
    first, second = ([t for t in ticks if low <= t.received_ns <= high] for ticks in (one, other))
    return first, second


def _allowed_shift(feed: Feed, *viewers: list[Tick]) -> int:
    """Return how many objects two viewers may be apart at one moment: one, and more if they did not read in time.

    A delayed client reads several objects at once, and all but the last of them arrived late.
    """
    period_ns = feed.period_s * NS
    most = 0
    for ticks in viewers:
        at_once = 0
        for step in (b.received_ns - a.received_ns for a, b in pairwise(ticks)):
            at_once = at_once + 1 if step < period_ns / 2 else 0
            most = max(most, at_once, math.ceil((step - period_ns - HICCUP_NS) / period_ns))
    return 1 + most


def _agree(one: list[Tick], other: list[Tick], most: int, feed: Feed) -> bool:
    """Whether two viewers received the same objects, up to `most` objects at either end."""
    return any(
        all(_is_equal(a, b, feed) for a, b in zip(one[max(0, shift) :], other[max(0, -shift) :], strict=False))
        for shift in range(-most, most + 1)
    )


def _is_equal(one: Tick, other: Tick, feed: Feed) -> bool:
    """Whether two objects are equal. Equal texts need no keys, which take most of the time of a long feed."""
    return (one.text != "" and one.text == other.text) or _key(one, feed) == _key(other, feed)


def _key(tick: Tick, feed: Feed) -> str:
    """What makes objects equal: the fields of the contract.

    Other fields may differ for each viewer, such as the time of sending. A NaN as a value is not equal to itself.
    """
    return _SHORT.repr([tick.value.get(name) for name, _ in feed.fields]) if tick.value else tick.text

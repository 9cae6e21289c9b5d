"""A space-time diagram of a finding: a line for each member, and an arrow for each message from one to another."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from wsproof.model.finding_event import EventKind, FindingEvent
from wsproof.report.charts.svg import text_at
from wsproof.report.text.sanitize import clean_line

NAMES = 170
"""Pixels for the members' names, left of their lines."""
STEP, LANE = 86, 44
"""Pixels between two events, and between the lines of two members."""
TOP, BOTTOM = 34, 30
MOST_EVENTS = 12
MOST_CHARACTERS = 26
"""Characters of a member's name that are shown."""


def space_time_chart(events: Sequence[FindingEvent], key: str) -> str:
    """The diagram as SVG. Events are evenly spaced, in order of time. Empty if nobody sent anything.

    `key` is the prefix of the element ids, unique on a page.
    """
    shown = list(events)[:MOST_EVENTS]
    if not any(event.kind is EventKind.SENT for event in shown):
        return ""
    lanes = list(dict.fromkeys(event.member for event in shown))
    width, height = NAMES + STEP * len(shown) + 40, TOP + LANE * len(lanes) + BOTTOM
    parts = [_lane(member, at, width) for at, member in enumerate(lanes)]
    parts += [_event(shown, at, lanes, height) for at in range(len(shown))]
    key = escape(key, quote=True)
    return (
        f'<svg class="chart space-time" viewBox="0 0 {width} {height}" role="img" aria-labelledby="{key}-t {key}-d">'
        f'<title id="{key}-t">Who sent what when, who received it, and who did not</title>'
        f'<desc id="{key}-d">{escape(clean_line(events_in_words(shown)))}</desc>{"".join(parts)}</svg>'
    )


def events_in_words(events: Sequence[FindingEvent]) -> str:
    """The events as one sentence, with names and times."""
    return "; ".join(_in_words(event) for event in events) + "."


def _in_words(event: FindingEvent) -> str:
    at = f"at {event.at_ms:+.1f} ms"
    return {
        EventKind.SENT: f"{event.member} sent {event.message} {at}",
        EventKind.RECEIVED: f"{event.member} received {event.message} {at}",
        EventKind.MISSING: f"{event.member} had not received {event.message} by {event.at_ms:+.1f} ms",
        EventKind.LEFT: f"{event.member} left {at}",
    }[event.kind]


def _lane(member: str, at: int, width: int) -> str:
    y = TOP + LANE * at + LANE / 2
    name = member if len(member) <= MOST_CHARACTERS else f"{member[:MOST_CHARACTERS]}…"
    return f'<line class="grid" x1="{NAMES}" x2="{width - 10}" y1="{y}" y2="{y}"/>' + text_at(
        NAMES - 10, y + 4, name, "end", "label"
    )


def _event(events: Sequence[FindingEvent], at: int, lanes: Sequence[str], height: int) -> str:
    """The mark of one event, the line from the sender to it, and its time."""
    event = events[at]
    x, y = _place(events, at, lanes)
    time = text_at(x, height - 8, f"{event.at_ms:+.1f} ms", "middle", "small")
    if event.kind is EventKind.LEFT:
        return f'<path class="mark s1" d="M{x} {y - 9}V{y + 9}"/>' + text_at(x + 6, y - 6, "left", style="small") + time
    if event.kind is EventKind.SENT:
        label = text_at(x, y - 10, event.message.split(" of ")[0], "middle", "small")
        return f'<circle class="dot s1" cx="{x}" cy="{y}" r="4"/>{label}{time}'
    line = _from_sender(events, at, lanes)
    if event.kind is EventKind.MISSING:
        cross = f"M{x - 5} {y - 5}L{x + 5} {y + 5}M{x - 5} {y + 5}L{x + 5} {y - 5}"
        return f'{line}<path class="mark s2" d="{cross}"/>{text_at(x, y - 10, "never", "middle", "small")}{time}'
    return f'{line}<circle class="mark ring s1" cx="{x}" cy="{y}" r="4"/>{time}'


def _from_sender(events: Sequence[FindingEvent], at: int, lanes: Sequence[str]) -> str:
    """The line from the sending of the message; empty if that is not shown. Dashed if the message never arrived."""
    event = events[at]
    sent = next(
        (
            place
            for place, other in enumerate(events)
            if other.kind is EventKind.SENT and other.message == event.message
        ),
        None,
    )
    if sent is None:
        return ""
    (from_x, from_y), (to_x, to_y) = _place(events, sent, lanes), _place(events, at, lanes)
    style = "s2" if event.kind is EventKind.MISSING else "s1"
    return f'<path class="line {style}" d="M{from_x} {from_y}L{to_x} {to_y}"/>'


def _place(events: Sequence[FindingEvent], at: int, lanes: Sequence[str]) -> tuple[float, float]:
    return NAMES + STEP * (at + 0.5), TOP + LANE * (lanes.index(events[at].member) + 0.5)

"""A schedule: who does what, in which order. Pure data, so that it can be generated, shortened, stored and replayed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any, TypeAlias

from wsproof.checks.describe import shortened
from wsproof.model.contract import Audience
from wsproof.model.envelope import Envelope
from wsproof.workloads import Workload

PLAINLY = ", as it is: the workload says that any text is a message, so publish() was not asked"


class Action(StrEnum):
    """What a member can do."""

    JOIN = "join"
    """Connect and speak until heard: then it is in."""
    SAY = "say"
    LEAVE = "leave"
    BREAK = "break"
    """Send something that no promise covers."""
    STALL = "stall"
    """Stop reading, and stay."""
    SETTLE = "settle"
    """Wait until everyone has what it is owed."""
    FLOOD = "flood"
    """Say many long messages, each once the one before has arrived."""
    WATCH = "watch"
    """Look at a feed until everyone has seen some more of it."""


class LeaveBy(StrEnum):
    """How to leave."""

    CLOSE = "close"
    FIN = "fin"
    RESET = "reset"


class Misbehaviour(StrEnum):
    """What to send that a server may end the connection for."""

    BINARY = "a binary frame"
    TEXT = "a text frame, where all else is binary"
    NONSENSE = "a text that is no message of the channel"
    WRONG_SHAPE = "a JSON text with nothing in it that the channel knows"
    BAD_UTF8 = "a text frame that is not UTF-8"
    UNMASKED = "an unmasked frame"
    OVERSIZE = "a frame header that announces a terabyte"
    RESERVED = "a frame with a reserved opcode"


@dataclass(frozen=True, slots=True)
class Step:
    """One deed. Members are known by the number of their JOIN; a step of someone who is not there does nothing.

    `body` is what is said and `size_bytes` how long the whole message is made (0: as long as it is); `plain` sends the
    body alone, without an envelope and past the workload's `publish`. `cuts` are the places, in percent of the frame,
    at which it is cut into TCP segments. A JOIN goes to a `room`; `again` names a member whose id it takes over;
    `narrow` gives it a tiny receive buffer.
    """

    deed: Action
    member: int = 0
    body: str = ""
    size_bytes: int = 0
    plain: bool = False
    cuts: tuple[int, ...] = ()
    way: LeaveBy = LeaveBy.CLOSE
    breaks: Misbehaviour = Misbehaviour.BINARY
    again: int | None = None
    narrow: bool = False
    count: int = 0
    room: int = 0

    def to_json(self) -> dict[str, Any]:
        """The step without what it leaves at its default."""
        return {f.name: value for f in fields(self) if (value := asdict(self)[f.name]) != f.default}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Step:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for what is no step."""
        known = dict(data)
        known["deed"] = Action(known["deed"])
        known["cuts"] = tuple(known.get("cuts", ()))
        known["way"] = LeaveBy(known.get("way", LeaveBy.CLOSE))
        known["breaks"] = Misbehaviour(known.get("breaks", Misbehaviour.BINARY))
        return cls(**known)

    def describe(self) -> str:
        """One line for people."""
        who = f"member {self.member}"
        cuts = f", in {len(self.cuts) + 1} TCP segments" if self.cuts else ""
        size = f", {self.size_bytes} bytes in all" if self.size_bytes else ""
        return {
            Action.JOIN: f"{who} joins"
            + (f" room {self.room}" if self.room else "")
            + (f" under the id of member {self.again}" if self.again is not None else "")
            + (" with a tiny receive buffer" if self.narrow else ""),
            Action.SAY: f"{who} says {shortened(self.body, 60)}{PLAINLY if self.plain else ''}{size}{cuts}",
            Action.LEAVE: f"{who} leaves by {self.way.value}",
            Action.BREAK: f"{who} sends {self.breaks.value}",
            Action.STALL: f"{who} stops reading",
            Action.SETTLE: "everyone waits for what it is owed",
            Action.FLOOD: f"{who} says {self.count} messages{size}",
            Action.WATCH: f"everyone watches for {self.count} more objects",
        }[self.deed]


NO_MESSAGE = (Misbehaviour.NONSENSE, Misbehaviour.WRONG_SHAPE)
"""What is garbage only where not every text is a message."""
FLOOD_AT_MOST = 2_000
"""Each message of a flood waits for the one before."""

Schedule: TypeAlias = tuple[Step, ...]


def fitted(schedule: Schedule, workload: Workload) -> Schedule:
    """The schedule as this workload's protocol can speak it: its rooms, its longest text, what is garbage to it."""
    is_binary = isinstance(workload.publish(0, Envelope(0, 0, 0), ""), bytes) if workload.publishes else False
    steps = tuple(_fitted(step, workload, is_binary) for step in schedule)
    return _with_company(steps) if workload.contract.audience is Audience.OTHERS else steps


def _with_company(schedule: Schedule) -> Schedule:
    """Where nobody hears itself, whoever is alone in its room gets a listener."""
    joins = [step for step in schedule if step.deed is Action.JOIN]
    rooms = Counter(step.room for step in joins)
    free = 1 + max((step.member for step in joins), default=0)
    alone = sorted(room for room, members in rooms.items() if members == 1)
    return (*(Step(Action.JOIN, free + at, room=room) for at, room in enumerate(alone)), *schedule)


def _fitted(step: Step, workload: Workload, is_binary: bool) -> Step:
    longest = workload.longest_bytes
    match step.deed:
        case Action.JOIN:
            return replace(step, room=step.room % max(workload.rooms, 1))
        case Action.SAY:
            return replace(step, plain=step.plain and workload.any_text, size_bytes=min(step.size_bytes, longest))
        case Action.FLOOD if step.size_bytes > longest:
            more = -(-step.count * step.size_bytes // max(longest, 1))
            return replace(step, size_bytes=longest, count=min(more, FLOOD_AT_MOST))
        case Action.BREAK if is_binary and step.breaks is Misbehaviour.BINARY:
            return replace(step, breaks=Misbehaviour.TEXT)
        case Action.BREAK if workload.any_text and step.breaks in NO_MESSAGE:
            return replace(step, breaks=Misbehaviour.BAD_UTF8)
    return step


def schedule_from_json(data: Iterable[Mapping[str, Any]]) -> Schedule:
    """A schedule from a recipe. Raises as `Step.from_json`."""
    return tuple(Step.from_json(step) for step in data)

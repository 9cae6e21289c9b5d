"""A schedule: which member acts how, and when. Pure data that can be drawn, shortened, stored and replayed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any, TypeAlias

from wsproof.checks.describe import shortened
from wsproof.delivery.credentials import Access
from wsproof.delivery.mutations import Mutation
from wsproof.delivery.names import NameShape, fits
from wsproof.model.contract import Audience
from wsproof.workloads import Workload

GREETING = "greeting"
"""The body of a MUTATE step that alters the greeting instead of a publication."""
SENT_AS_IS = " as it is, because the workload accepts any text: publish() was not called"
"""Describes a message that is sent without the workload's `publish`."""


class Action(StrEnum):
    """An action of a member in one step."""

    JOIN = "join"
    """Connect and publish until a message comes back: then the server has subscribed the member."""
    SAY = "say"
    """Publish a message."""
    LEAVE = "leave"
    """End the connection."""
    BREAK = "break"
    """Send an invalid or unexpected frame."""
    STALL = "stall"
    """Stop reading, but stay connected."""
    SETTLE = "settle"
    """Wait until every member has received what it expects."""
    FLOOD = "flood"
    """Publish many long messages, each after the previous one has arrived."""
    MUTATE = "mutate"
    """Send a malformed message, made from a valid one."""
    GREET = "greet"
    """Send the greeting again, which usually subscribes a second time."""
    DEPART = "depart"
    """End the connection in one of many ways, which `how` names: see `departures`."""
    ABANDON = "abandon"
    """Other clients begin handshakes and abandon them."""
    STREAM = "stream"
    """All members publish in turn, as fast as everybody receives."""
    BURST = "burst"
    """All members publish in turn without waiting."""
    CROWD = "crowd"
    """Many members join. None of them has to publish."""
    MOVE = "move"
    """Change to another room, on the same connection. The member `rejoin_as` becomes this member."""
    TOGETHER = "together"
    """Several members join in one moment."""
    PAUSE = "pause"
    """Stop reading while the others publish, and then read again."""
    WATCH = "watch"
    """Wait until every viewer has received some more objects of a feed."""


class LeaveBy(StrEnum):
    """The way in which a member ends its connection: close frame, FIN or RST."""

    CLOSE = "close"
    FIN = "fin"
    RESET = "reset"


class Misbehaviour(StrEnum):
    """A message of a misbehaving member. A server may close its connection for it."""

    BINARY = "a binary frame"
    TEXT = "a text frame, where all else is binary"
    NONSENSE = "a text that is no message of the channel"
    WRONG_SHAPE = "a JSON text with nothing in it that the channel knows"
    BAD_UTF8 = "a text frame that is not UTF-8"
    UNMASKED = "an unmasked frame"
    OVERSIZE = "a frame header that announces a terabyte"
    RESERVED = "a frame with a reserved opcode"


OLDER_NAMES = {
    "deed": "action",
    "way": "leave_by",
    "breaks": "misbehaviour",
    "again": "rejoin_as",
    "narrow": "has_small_buffer",
}
"""Names of fields in recipes that were written before the fields had their present names."""


@dataclass(frozen=True, slots=True)
class Step:
    """One action of one member.

    A member is identified by the number of its JOIN. A step of a member that is not connected does nothing.

    `body` is the text, and `size_bytes` pads the message to this size (0: no padding). `plain` sends the body
    alone, without an envelope and without the workload's `publish`. `cuts` are the positions, in percent of the
    frame, at which it is split into TCP segments. A JOIN goes to a `room`. `rejoin_as` is the number of an earlier
    member whose id the new member takes over; with `resumes`, it tells the server what that one had. With
    `has_small_buffer`, the member has a tiny receive buffer. With `amid`, all other members of its room go on
    publishing while it joins. With `silent`, it sends nothing after its handshake. With `shape`, it has a name of
    this shape. With `access`, it joins without the right credentials, and the server should refuse it. `how` names
    the kind of a DEPART.
    """

    action: Action
    member: int = 0
    body: str = ""
    size_bytes: int = 0
    plain: bool = False
    cuts: tuple[int, ...] = ()
    leave_by: LeaveBy = LeaveBy.CLOSE
    misbehaviour: Misbehaviour = Misbehaviour.BINARY
    rejoin_as: int | None = None
    has_small_buffer: bool = False
    resumes: bool = False
    count: int = 0
    room: int = 0
    amid: bool = False
    silent: bool = False
    how: str = ""
    access: Access | None = None
    shape: NameShape | None = None
    mutation: Mutation = Mutation.NUMBER

    def to_json(self) -> dict[str, Any]:
        """The step as JSON, without fields that have their default."""
        return {f.name: value for f in fields(self) if (value := asdict(self)[f.name]) != f.default}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Step:
        """The inverse of `to_json`. Also reads the older names of fields.

        Raises:
            KeyError, TypeError, ValueError: `data` is not a step.
        """
        values = {OLDER_NAMES.get(name, name): value for name, value in data.items()}
        values["action"] = Action(values["action"])
        values["cuts"] = tuple(values.get("cuts", ()))
        values["leave_by"] = LeaveBy(values.get("leave_by", LeaveBy.CLOSE))
        values["misbehaviour"] = Misbehaviour(values.get("misbehaviour", Misbehaviour.BINARY))
        values["shape"] = NameShape(values["shape"]) if values.get("shape") else None
        values["mutation"] = Mutation(values.get("mutation", Mutation.NUMBER))
        values["access"] = Access(values["access"]) if values.get("access") else None
        return cls(**values)

    def describe(self) -> str:
        """The step as one line of a report."""
        subject = f"member {self.member}"
        cuts = f", in {len(self.cuts) + 1} TCP segments" if self.cuts else ""
        size = f", {self.size_bytes} bytes in all" if self.size_bytes else ""
        return {
            Action.JOIN: f"{subject} joins"
            + (f" room {self.room}" if self.room else "")
            + (f" under the id of member {self.rejoin_as}" if self.rejoin_as is not None else "")
            + (", and tells the server what that member has received" if self.resumes else "")
            + (" with a tiny receive buffer" if self.has_small_buffer else "")
            + (" while the others publish" if self.amid else "")
            + (", and sends nothing after its handshake" if self.silent else "")
            + (f" under a name {self.shape.value}" if self.shape is not None else "")
            + (f" {self.access.value}" if self.access is not None else ""),
            Action.SAY: f"{subject} publishes {shortened(self.body, 60)}{SENT_AS_IS if self.plain else ''}{size}{cuts}",
            Action.LEAVE: f"{subject} leaves by {self.leave_by.value}",
            Action.BREAK: f"{subject} sends {self.misbehaviour.value}",
            Action.STALL: f"{subject} stops reading",
            Action.MUTATE: f"{subject} sends {_malformed_in_words(self)}",
            Action.GREET: f"{subject} sends its greeting again",
            Action.MOVE: f"member {self.rejoin_as} moves to room {self.room}, and is {subject} there",
            Action.SETTLE: "all members wait until they have received all expected messages",
            Action.FLOOD: f"{subject} publishes {self.count} messages{size}",
            Action.DEPART: f"{subject} leaves by {self.how}",
            Action.ABANDON: f"{self.count} clients begin a handshake and leave before its end",
            Action.STREAM: f"all members publish {self.count} messages{size} in turn, as fast as all receive them",
            Action.BURST: f"all members publish {self.count} messages{size} in turn, without waiting",
            Action.TOGETHER: f"{self.count} members join in one moment, from {subject} on",
            Action.PAUSE: f"{subject} stops reading, others publish {self.count} messages{size}, and it reads again",
            Action.CROWD: f"{self.count} members join, from {subject} on",
            Action.WATCH: f"all viewers wait for {self.count} more objects",
        }[self.action]


def _malformed_in_words(step: Step) -> str:
    """The message of a MUTATE step, as a phrase."""
    return f"its {step.body or 'message'} {step.mutation.value}"


NO_MESSAGE = (Misbehaviour.NONSENSE, Misbehaviour.WRONG_SHAPE)
"""Texts that are invalid only on a channel that does not accept any text."""
FLOOD_AT_MOST = 2_000
"""Maximum number of messages in a flood. Each message waits for the one before."""

Schedule: TypeAlias = tuple[Step, ...]


def fitted(schedule: Schedule, workload: Workload) -> Schedule:
    """The schedule adapted to a workload.

    It uses only rooms that exist, texts that are not too long, and misbehaviour that is invalid on this channel.
    """
    is_binary = workload.publishes and issubclass(workload.publication_type, bytes)
    possible = (step for step in schedule if not _is_impossible(step, workload))
    steps = tuple(_fitted(step, workload, is_binary) for step in possible)
    return _with_company(steps) if workload.contract.audience is Audience.OTHERS else steps


def shortened_texts(schedule: Schedule, workload: Workload) -> Schedule:
    """The schedule with texts that are not too long for this workload, and nothing else changed."""
    return tuple(
        replace(step, body=_cut(step.body, workload), size_bytes=min(step.size_bytes, workload.longest_bytes))
        for step in schedule
    )


def _cut(body: str, workload: Workload) -> str:
    encoded = body.encode(errors="surrogatepass")
    return body if len(encoded) <= workload.longest_bytes else encoded[: workload.longest_bytes].decode(errors="ignore")


def _is_impossible(step: Step, workload: Workload) -> bool:
    """Whether no member of this workload can take the step: it has no greeting, or no message, to alter."""
    if step.action is not Action.MUTATE:
        return False
    return workload.greeting(0) is None if step.body == GREETING else workload.publishes_outside


def _with_company(schedule: Schedule) -> Schedule:
    """Add a listener to every room with one member: without echo, a single member receives nothing."""
    joins = [step for step in schedule if step.action is Action.JOIN]
    rooms = Counter(step.room for step in joins)
    free = 1 + max((step.member for step in joins), default=0)
    alone = sorted(room for room, members in rooms.items() if members == 1)
    return (*(Step(Action.JOIN, free + at, room=room) for at, room in enumerate(alone)), *schedule)


def _fitted(step: Step, workload: Workload, is_binary: bool) -> Step:
    """One step, adapted to the workload."""
    longest = workload.longest_bytes
    match step.action:
        case Action.JOIN:
            shape = step.shape if step.shape is None or fits(step.shape, workload) else None
            return replace(step, room=step.room % max(workload.rooms, 1), shape=shape)
        case Action.SAY:
            plain = step.plain and workload.any_text and not workload.publishes_outside
            return replace(step, body=_cut(step.body, workload), plain=plain, size_bytes=min(step.size_bytes, longest))
        case Action.STREAM | Action.BURST | Action.PAUSE:
            return replace(step, size_bytes=min(step.size_bytes, longest))
        case Action.CROWD | Action.MOVE | Action.TOGETHER:
            return replace(step, room=step.room % max(workload.rooms, 1))
        case Action.FLOOD if step.size_bytes > longest:
            more = -(-step.count * step.size_bytes // max(longest, 1))
            return replace(step, size_bytes=longest, count=min(more, FLOOD_AT_MOST))
        case Action.BREAK if is_binary and step.misbehaviour is Misbehaviour.BINARY:
            return replace(step, misbehaviour=Misbehaviour.TEXT)
        case Action.BREAK if workload.any_text and step.misbehaviour in NO_MESSAGE:
            return replace(step, misbehaviour=Misbehaviour.BAD_UTF8)
    return step


def schedule_from_json(data: Iterable[Mapping[str, Any]]) -> Schedule:
    """A schedule from a recipe. Raises the same errors as `Step.from_json`."""
    return tuple(Step.from_json(step) for step in data)

"""The base class of workloads.

A workload says how to connect to a channel, how to publish and how to parse messages, and which contract the channel
keeps. It is pure: text in, values out. So the same file serves the test suites, the load generator and Locust users. To
add one, subclass `Workload` in a file of your own, and list the class in the module's `WORKLOADS`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from enum import Enum
from typing import Any, ClassVar

from wsproof.errors import WorkloadError
from wsproof.model.contract import Contract
from wsproof.model.envelope import Envelope, Opened
from wsproof.workloads.publication import OUTSIDE, Publication
from wsproof.workloads.steps import Every, JoinSteps, Message, Send


class MessageKind(Enum):
    """The kind of a received message."""

    DELIVERY = "delivery"
    """A publication, as its audience receives it."""
    REPLY = "reply"
    """The server's answer to a publication, which only its publisher receives."""
    JOIN = "join"
    """A notice that a member has joined."""
    LEAVE = "leave"
    """A notice that a member has left."""
    TICK = "tick"
    """An object of a feed, which the server sends by itself."""
    IGNORED = "ignored"
    """A message that no promise covers, such as an acknowledgement or a heartbeat."""
    UNEXPECTED = "unexpected"
    """A message that this channel never sends, or a damaged one. It becomes a finding."""

    ASIDE = IGNORED
    """Older name of IGNORED."""
    STRANGE = UNEXPECTED
    """Older name of UNEXPECTED."""

    __hash__ = object.__hash__  # of the kinds themselves. Enum's own hashes their names, in Python, for each message.


@dataclass(frozen=True, slots=True)
class Parsed:
    """A received message, as `Workload.read` understands it."""

    kind: MessageKind
    envelope: Opened | None = None
    """The envelope found in a DELIVERY or REPLY; None if there is none."""
    publisher: str | None = None
    """The publisher's name in a DELIVERY, if the server sends it."""
    member: str | None = None
    """The name of the member that a JOIN or LEAVE is about."""
    value: Mapping[str, Any] | None = None
    """The object of a TICK; None if the message is not an object."""
    text: str = ""
    """The text of a publication without the server's prefix; the whole message if it is UNEXPECTED."""
    version: int | str | None = None
    """In a DELIVERY without an envelope: the number or version that identifies the change, never used twice."""
    needs_answer: bool = False
    """Whether members must answer this message: `Workload.answer` is then asked, for each of them, what to send.

    It may depend on the message only, not on the member: under load, equal bytes are read once for all members. Where
    only one member has to answer, `answer` returns nothing for the others.
    """
    speaker: InitVar[str | None] = field(default=None, kw_only=True)
    """Older name of `publisher`, for workloads that still pass it."""
    about: InitVar[str | None] = field(default=None, kw_only=True)
    """Older name of `member`, for workloads that still pass it."""

    def __post_init__(self, speaker: str | None, about: str | None) -> None:
        if speaker is not None:
            object.__setattr__(self, "publisher", speaker)
        if about is not None:
            object.__setattr__(self, "member", about)


class Workload(ABC):
    """The description of one kind of channel: how to speak to it, and what it promises.

    Members are numbered from 0. `settings` holds the `--set` options of this workload, without its name in front:
    `--set dashboard.period=0.1` gives `{"period": "0.1"}` to the workload `dashboard`. `base` is added to member
    numbers to make names, so that two runs against one server do not use the same names.
    """

    name: ClassVar[str]
    """Name on the command line: one word without blanks and without `.`, `:`, `,` or `=`."""
    title: ClassVar[str]
    """One line that describes the channel in lists."""
    parameters: ClassVar[Mapping[str, str]] = {}
    """The settings that the workload accepts, by name, each with a sentence."""
    any_text: ClassVar[bool] = False
    """Whether any text is a valid message of the channel.

    Only then does the suite also send texts that `publish` has not made.
    """
    repeats_count_once: ClassVar[bool] = False
    """Whether a publication that its member sends again counts once, by an id or a number in it.

    Only then does the suite send publications twice, as a client does that has missed the confirmation.
    """
    longest_bytes: ClassVar[int] = 60_000
    """Longest text in bytes that the suite passes to `publish`.

    Lower it if the channel refuses long messages.
    """
    rooms: int = 1
    """Number of rooms that `room_of` assigns members to. A publication reaches only the publisher's room.

    If the number is a setting called `rooms`, `wsproof capacity --over rooms` can raise it.
    """

    def __init__(self, settings: Mapping[str, str] | None = None, *, base: int = 1) -> None:
        self.settings = dict(settings or {})
        self.base = base

    @property
    @abstractmethod
    def contract(self) -> Contract:
        """The promises of the channel."""

    @abstractmethod
    def path(self, member: int) -> str:
        """The path at which this member connects, including the query."""

    def name_of(self, member: int) -> str:
        """The name under which the server knows this member."""
        return str(self.base + member)

    def room_of(self, member: int) -> int:
        """The room of this member, from 0 to `rooms` - 1. Members of a room share publications and notices."""
        return 0

    def prepare(self, member: int, url: str) -> None:  # noqa: B027 - optional by design
        """Prepare this member, once and before it connects: log in by HTTP, create a room, and keep what is needed.

        `url` is the server's address, such as `http://127.0.0.1:8000`. Raise `JoinRefused` if the server refuses. Calls
        for several members may run at the same time, in threads of their own.
        """

    @property
    def has_prepare(self) -> bool:
        """Whether this workload prepares its members."""
        return getattr(self, "users_class", type(self)).prepare is not Workload.prepare

    @property
    def keeps_alive(self) -> bool:
        """Whether members answer the server or send by themselves, so that no connection is idle."""
        kind = getattr(self, "users_class", type(self))
        return kind.answer is not Workload.answer or kind.timers is not Workload.timers

    def headers(self, member: int) -> Mapping[str, str]:
        """Request headers of this member, such as a cookie. They replace headers of the same name that the user gave.

        A cookie is added to the user's cookies.
        """
        return {}

    def subprotocols(self, member: int) -> Sequence[str]:
        """The subprotocols that this member offers; empty for those that the user gave with `--subprotocol`."""
        return ()

    def greeting(self, member: int) -> str | bytes | None:
        """The message to send right after connecting, for example a subscription; None for no message."""
        return None

    def join(self, member: int) -> JoinSteps:
        """Join the channel: a generator that yields `Send(message)` and `Wait(name, until=condition)`.

        It begins once the connection is open, and the member has joined when it ends. The default sends the greeting.
        See `wsproof.workloads.steps`.
        """
        greeting = self.greeting(member)
        if greeting is not None:
            yield Send(greeting)

    def resume(self, member: int, last: Message | None) -> JoinSteps:
        """Join again after the connection ended, as `join` does, and tell the server what the member has received.

        `last` is the last message that `read` parsed as a DELIVERY, unchanged; None if there was none. The default
        joins as the first time.
        """
        yield from self.join(member)

    def move(self, member: int, room: int) -> JoinSteps:
        """Leave the member's room and enter `room`, on the same connection. Steps as in `join`.

        While it runs, `room_of` still gives the old room; afterwards it gives the new one. Only workloads that define
        this method are checked for it.
        """
        yield from ()

    @property
    def has_move(self) -> bool:
        """Whether members can change their room."""
        return getattr(self, "users_class", type(self)).move is not Workload.move

    def split(self, message: Message) -> Sequence[Message]:
        """The messages of the application that one WebSocket message holds, for a protocol that sends several in one.

        `join`, `read` and `answer` then get each of them on its own, in this order. An empty result means that the
        message cannot be split, and `read` gets it as it came.
        """
        return (message,)

    @property
    def has_split(self) -> bool:
        """Whether a WebSocket message may hold several messages of the application."""
        return getattr(self, "users_class", type(self)).split is not Workload.split

    def parts_of(self, message: Message) -> Sequence[Message]:
        """The messages in this WebSocket message, as `read` gets them: at least one."""
        return (self.split(message) or (message,)) if self.has_split else (message,)

    def revoke(self, member: int, url: str) -> None:  # noqa: B027 - optional by design
        """Revoke this member's access while it is connected: log it out by HTTP, remove it from its group.

        `url` as in `prepare`. Only workloads that define this method are checked for it: the server must then serve the
        member no more (`Contract.revoked_within_s`). Raise `JoinRefused` if that was not possible.
        """

    @property
    def has_revoke(self) -> bool:
        """Whether the access of a member can be revoked."""
        return "revoke" in vars(self) or getattr(self, "users_class", type(self)).revoke is not Workload.revoke

    def expire(self, member: int, url: str) -> None:  # noqa: B027 - optional by design
        """Let this member's credentials expire before it connects: get a token that is valid for no time, or wait.

        `url` as in `prepare`, which has run before. Afterwards `path`, `headers` and `join` use the expired
        credentials. Only workloads that define this method are checked for it: the server must then refuse the member.
        Raise `JoinRefused` if that was not possible.
        """

    @property
    def has_expire(self) -> bool:
        """Whether the credentials of a member can be made to expire."""
        return getattr(self, "users_class", type(self)).expire is not Workload.expire

    def answer(self, member: int, message: str | bytes) -> Iterable[str | bytes]:
        """The messages with which `member` answers `message`: a pong, an acknowledgement.

        Asked for each message that `read` returns with `needs_answer`, and for each member that receives it.
        """
        return ()

    def state(self, member: int, messages: Sequence[Message]) -> Mapping[str, Any] | None:
        """The state of the channel that `messages` describe: all that `member` received on its connection, in order.

        Parts of the state by name, such as the strokes of a drawing by their ids. None: these messages do not describe
        it yet. Only workloads that define this method are checked for it: once nothing changes any more, all members of
        a room must know the same state, also those that came back or joined late.
        """
        return None

    @property
    def has_state(self) -> bool:
        """Whether the messages that a member receives describe a state, which all members must agree on."""
        return getattr(self, "users_class", type(self)).state is not Workload.state

    def timers(self, member: int) -> Iterable[Every]:
        """The messages that the member repeats once it has joined, for example a heartbeat every 25 s."""
        return ()

    def secrets(self, member: int) -> Iterable[str]:
        """Secret values of this member, which wsproof removes from all output.

        Values with a telling name (`token`, `key`, `password` ...) in the path, in the greeting or in a message need
        not be listed: wsproof removes them anyway.
        """
        return ()

    @property
    def publishes(self) -> bool:
        """Whether members may publish. Viewers of a feed may not."""
        return self.contract.feed is None

    def publish(self, member: int, envelope: Envelope, body: str) -> Publication:
        """The message with which `member` publishes `body`, or the request or call that makes the server publish it.

        Receivers must be able to find `envelope` in it: `envelope.seal(body)` is the body with the envelope appended. A
        workload must always return the same type: messages, an `HttpRequest`, a `FunctionCall` or a `Command`.
        """
        return envelope.seal(body)

    @property
    def publication_type(self) -> type[Publication]:
        """The type of what `publish` returns.

        Needed before any member is prepared. A `publish` that needs the results of `prepare` raises then. In that case
        it is the type of a publication from outside that the class mentions, such as `HttpRequest`.
        """
        try:
            return type(self.publish(0, Envelope(0, 0, 0), ""))
        except WorkloadError:
            if not self.has_prepare:
                raise
            return next(_mentioned(getattr(self, "users_class", type(self))), str)

    @property
    def publishes_outside(self) -> bool:
        """Whether publications are HTTP requests, function calls or commands, and no messages of a WebSocket."""
        return self.publishes and issubclass(self.publication_type, OUTSIDE)

    @abstractmethod
    def read(self, member: int, message: str | bytes) -> Parsed:
        """Parse a message that `member` received. Must not raise: return UNEXPECTED for an unknown message."""

    def server_environment(self) -> Mapping[str, str]:
        """Environment variables that apply `settings` to the reference server. None by default."""
        return {}


def _mentioned(kind: type[Workload]) -> Iterator[type[Publication]]:
    """The types of publications from outside that the methods of a workload's class use, by the names in their code."""
    own = kind.__mro__[: kind.__mro__.index(Workload)]
    codes = (getattr(method, "__code__", None) for each in own for method in vars(each).values())
    names = {name for code in codes if code is not None for name in code.co_names}
    return (each for each in OUTSIDE if each.__name__ in names)

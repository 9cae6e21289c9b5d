"""A way of speaking to a server: how to connect, publish and read, and the contract that the channel keeps.

A workload is pure: text in, values out. So the same file serves the suites, the load engine and Locust users. To add
one, subclass `Workload` in a file of its own and list it in a module's `WORKLOADS`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar

from wsproof.model.contract import Contract
from wsproof.model.envelope import Envelope, Opened


class MessageKind(Enum):
    """What a received message is."""

    DELIVERY = "delivery"
    REPLY = "reply"
    JOIN = "join"
    LEAVE = "leave"
    TICK = "tick"
    IGNORED = "ignored"
    """The channel says such things (an acknowledgement, a heartbeat), and no promise speaks of them."""
    UNEXPECTED = "unexpected"
    """The workload cannot place it: a phantom, or a damaged message."""

    ASIDE = IGNORED
    """The older name of IGNORED."""
    STRANGE = UNEXPECTED
    """The older name of UNEXPECTED."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A received message, understood. `speaker` is the name the server gives to the publisher, where it gives one."""

    word: MessageKind
    opened: Opened | None = None
    speaker: str | None = None
    about: str | None = None
    value: Mapping[str, Any] | None = None
    text: str = ""


class Workload(ABC):
    """One way of speaking to one kind of channel.

    Members are numbered from 0. `settings` are the `--set` parameters that begin with the workload's name, without it
    (`--set dashboard.period=0.1` gives `{"period": "0.1"}` to the workload named dashboard). `base` is added to member
    numbers to make names, so that two runs against one server do not take each other's.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    parameters: ClassVar[Mapping[str, str]] = {}
    """Names of the settings it takes, each with a sentence."""
    any_text: ClassVar[bool] = False
    """Whether each text whatsoever is a legal message: only then is a text ever sent that `publish` has not made."""
    longest_bytes: ClassVar[int] = 60_000
    """The longest text that the suite hands to `publish`; lower it where the channel refuses such."""
    rooms: int = 1
    """How many rooms `room_of` deals the members out to. A publication is meant for the publisher's room only.

    Of a workload that takes it as a setting called `rooms`, `wsproof capacity --over rooms` can raise it.
    """

    def __init__(self, settings: Mapping[str, str] | None = None, *, base: int = 1) -> None:
        self.settings = dict(settings or {})
        self.base = base

    @property
    @abstractmethod
    def contract(self) -> Contract:
        """What the channel promises."""

    @abstractmethod
    def path(self, member: int) -> str:
        """Where this member connects: a path at the target, query included."""

    def name_of(self, member: int) -> str:
        """What the server calls this member."""
        return str(self.base + member)

    def room_of(self, member: int) -> int:
        """The room this member is in, from 0 to `rooms` - 1. Whoever shares a room shares publications and notices."""
        return 0

    def greeting(self, member: int) -> str | bytes | None:
        """What to send right after connecting (to subscribe, say); None for nothing."""
        return None

    def secrets(self, member: int) -> Iterable[str]:
        """Values that nobody may see, beside those that are known by their names (`token`, `key`, `password` ...)."""
        return ()

    @property
    def publishes(self) -> bool:
        """Whether members may publish: a feed's viewers may not."""
        return self.contract.feed is None

    def publish(self, member: int, envelope: Envelope, body: str) -> str | bytes:
        """The message by which `member` publishes `body`; the receivers will find `envelope` in it."""
        return envelope.seal(body)

    @abstractmethod
    def read(self, member: int, message: str | bytes) -> Parsed:
        """Understand a message that `member` got. Never raises: what it cannot place is UNEXPECTED."""

    def server_environment(self) -> Mapping[str, str]:
        """Environment variables that make the reference server behave as `settings` say (none by default)."""
        return {}

"""A conversation as data: all that a client will do on one connection, decided before it begins.

It is what strategies generate, what the oracle judges, what shrinks, and (as JSON) the recipe of a finding. Nothing in
it depends on time: who sends what, where the stream is cut and where to wait for an answer are all written down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from wsproof.conformance import frame_json
from wsproof.wire import Frame, Request

__all__ = ["Await", "Handshake", "Raw", "Script", "ScriptAction", "ScriptEnd", "Send"]


@dataclass(frozen=True, slots=True)
class Handshake:
    """How the opening handshake differs from the usual one; None leaves a field alone.

    `headers` are extra lines, `omit` names of standard ones to leave out (write them into `headers` to spell them
    differently).
    """

    method: str | None = None
    http: str | None = None
    key: str | None = None
    version: str | None = None
    connection: str | None = None
    upgrade: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    subprotocols: tuple[str, ...] | None = None
    extensions: tuple[str, ...] | None = None
    omit: tuple[str, ...] = ()
    body: str | None = None

    def apply(self, request: Request) -> Request:
        """The usual `request` of an endpoint, changed as told."""
        fields = ("method", "http", "key", "version", "connection", "upgrade", "subprotocols", "extensions", "body")
        changes: dict[str, Any] = {name: getattr(self, name) for name in fields if getattr(self, name) is not None}
        return replace(
            request, **changes, headers=request.headers + self.headers, omit=request.omit | frozenset(self.omit)
        )

    def to_json(self) -> dict[str, Any]:
        """Only what differs from the usual handshake."""
        usual = Handshake()
        return {name: getattr(self, name) for name in self.__slots__ if getattr(self, name) != getattr(usual, name)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Handshake:
        """The inverse of `to_json`, with JSON's lists made tuples."""
        return cls(**{name: _tuples(value) for name, value in data.items()})


@dataclass(frozen=True, slots=True)
class Send:
    """Send one frame, legal or not, exactly as it is."""

    frame: Frame


@dataclass(frozen=True, slots=True)
class Raw:
    """Send bytes that need not be a frame at all."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Await:
    """Do not go on before the server has answered the last ping, or has ended."""


ScriptAction = Send | Raw | Await


class ScriptEnd(StrEnum):
    """How the client leaves, if the server has not ended the connection before."""

    CLOSE = "close"
    """A barrier, then a close frame with 1000, then TCP to its end."""
    NONE = "none"
    """Nothing more is said: the conversation's own frames must bring the end."""
    HALF_CLOSE = "half-close"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Script:
    """One connection from its first byte to its last.

    `subject` is the rule that is charged when everything said was legal and the server still fails it. `cuts` are
    offsets into the client's bytes after the handshake (into all of its bytes with `pipelined`, where the frames ride
    behind the handshake without waiting for the answer); each piece is sent when the one before has been read.
    `handshake_cuts` cut the handshake itself. With `deflate` the actions are for a server that agreed to
    permessage-deflate: to one that did not, nothing is said.
    """

    subject: str
    actions: tuple[ScriptAction, ...] = ()
    ending: ScriptEnd = ScriptEnd.CLOSE
    cuts: tuple[int, ...] = ()
    handshake: Handshake = field(default_factory=Handshake)
    handshake_cuts: tuple[int, ...] = ()
    pipelined: bool = False
    deflate: bool = False

    @property
    def size(self) -> tuple[int, int, int]:
        """What "smaller" means: fewer actions and cuts, then fewer bytes, then fewer odd headers."""
        total = sum(len(stream) for stream in self.streams())
        odd = len(str(self.handshake.to_json()))
        return len(self.actions) + len(self.cuts) + len(self.handshake_cuts), total, odd

    def streams(self) -> list[bytes]:
        """The client's bytes after the handshake, split where it waits for the server."""
        found = [b""]
        for action in self.actions:
            match action:
                case Send(frame):
                    found[-1] += frame.encode()
                case Raw(data):
                    found[-1] += data
                case Await():
                    found.append(b"")
        return found

    def to_json(self) -> dict[str, Any]:
        """The conversation as the recipe of a finding holds it."""
        return {
            "subject": self.subject,
            "actions": [_action_to_json(action) for action in self.actions],
            "ending": self.ending.value,
            "cuts": list(self.cuts),
            "handshake": _lists(self.handshake.to_json()),
            "handshake_cuts": list(self.handshake_cuts),
            "pipelined": self.pipelined,
            **({"deflate": True} if self.deflate else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Script:
        """The inverse of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `data` is no conversation.
        """
        return cls(
            subject=data["subject"],
            actions=tuple(_action_from_json(action) for action in data["actions"]),
            ending=ScriptEnd(data["ending"]),
            cuts=tuple(data["cuts"]),
            handshake=Handshake.from_json(data["handshake"]),
            handshake_cuts=tuple(data["handshake_cuts"]),
            pipelined=data["pipelined"],
            deflate=data.get("deflate", False),
        )


def _action_to_json(action: ScriptAction) -> dict[str, Any]:
    match action:
        case Send(frame):
            return {"send": frame_json.to_json(frame)}
        case Raw(data):
            return {"raw": frame_json.pack(data)}
        case Await():
            return {"await": "pong"}


def _action_from_json(data: Mapping[str, Any]) -> ScriptAction:
    if "send" in data:
        return Send(frame_json.from_json(data["send"]))
    if "raw" in data:
        return Raw(frame_json.unpack(data["raw"]))
    if "await" in data:
        return Await()
    raise ValueError(f"an action is 'send', 'raw' or 'await', got {sorted(data)}")


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value


def _lists(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _lists(item) for name, item in value.items()}
    return [_lists(item) for item in value] if isinstance(value, list | tuple) else value

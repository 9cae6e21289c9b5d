"""A script: all that a client will do on one connection, as data.

Strategies generate scripts, the oracle computes their expected outcome, Hypothesis shrinks them, and a finding's recipe
holds one as JSON. A script does not depend on time: it fixes what the client sends, where the stream is cut, and where
the client waits for an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from wsproof.conformance import frame_json
from wsproof.model.former_names import current_check
from wsproof.wire import Frame, Request

__all__ = ["Await", "Handshake", "Raw", "Script", "ScriptAction", "ScriptEnd", "SendFrame"]


@dataclass(frozen=True, slots=True)
class Handshake:
    """The differences of the opening handshake from the usual one; None keeps a field as usual.

    `headers` are extra lines. `omit` names standard headers to leave out; to spell one differently, omit it and put it
    into `headers`.
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
        """Return the usual `request` of an endpoint with these changes."""
        fields = ("method", "http", "key", "version", "connection", "upgrade", "subprotocols", "extensions", "body")
        changes: dict[str, Any] = {name: getattr(self, name) for name in fields if getattr(self, name) is not None}
        return replace(
            request, **changes, headers=request.headers + self.headers, omit=request.omit | frozenset(self.omit)
        )

    def to_json(self) -> dict[str, Any]:
        """The fields that differ from the usual handshake."""
        usual = Handshake()
        return {name: getattr(self, name) for name in self.__slots__ if getattr(self, name) != getattr(usual, name)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Handshake:
        """The inverse of `to_json`; turns JSON lists into tuples."""
        return cls(**{name: _tuples(value) for name, value in data.items()})


@dataclass(frozen=True, slots=True)
class SendFrame:
    """Send one frame exactly as given, legal or not."""

    frame: Frame


@dataclass(frozen=True, slots=True)
class Raw:
    """Send bytes that need not form a frame."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Await:
    """Wait until the server has answered the last ping or has ended the connection."""


ScriptAction = SendFrame | Raw | Await


class ScriptEnd(StrEnum):
    """The client's way to end the connection, if the server has not ended it before."""

    CLOSE = "close"
    """Send the barrier, then a close frame with 1000, then wait for the end of TCP."""
    NONE = "none"
    """Send nothing more: the script's own frames must end the connection."""
    HALF_CLOSE = "half-close"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Script:
    """One connection from its first byte to its last.

    `subject` is the rule that counts as violated if the server fails although the client sent only legal bytes. `cuts`
    are offsets into the client's bytes after the handshake. The client sends each piece when the server has read the
    one before. With `pipelined`, the frames follow the handshake without waiting for the answer, and `cuts` count from
    its first byte. `handshake_cuts` cut the handshake itself. With `deflate`, the actions need permessage-deflate: the
    client skips them if the server declines it.
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
        """The order for "smaller": fewer actions and cuts, then fewer bytes, then fewer changes of the handshake."""
        total = sum(len(stream) for stream in self.streams())
        odd = len(str(self.handshake.to_json()))
        return len(self.actions) + len(self.cuts) + len(self.handshake_cuts), total, odd

    def streams(self) -> list[bytes]:
        """The client's bytes after the handshake, split where the client waits for the server."""
        streams = [b""]
        for action in self.actions:
            match action:
                case SendFrame(frame):
                    streams[-1] += frame.encode()
                case Raw(data):
                    streams[-1] += data
                case Await():
                    streams.append(b"")
        return streams

    def to_json(self) -> dict[str, Any]:
        """The script in the form that a finding's recipe holds."""
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
            KeyError, TypeError, ValueError: `data` is no script.
        """
        return cls(
            subject=current_check(data["subject"]),
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
        case SendFrame(frame):
            return {"send": frame_json.to_json(frame)}
        case Raw(data):
            return {"raw": frame_json.pack(data)}
        case Await():
            return {"await": "pong"}


def _action_from_json(data: Mapping[str, Any]) -> ScriptAction:
    if "send" in data:
        return SendFrame(frame_json.from_json(data["send"]))
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

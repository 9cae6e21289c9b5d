"""Events of a finding: which member sent, received or never received which message, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class EventKind(StrEnum):
    """The kind of an event."""

    SENT = "sent"
    RECEIVED = "received"
    MISSING = "missing"
    """The message had not arrived by this time, the end of the wait for it."""
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class FindingEvent:
    """One event of a finding. `message` names a publication in the same words in all events of a finding."""

    at_ms: float
    """Milliseconds since the first event of the history."""
    member: str
    kind: EventKind
    message: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the event as stored with its finding."""
        return {
            "at_ms": round(self.at_ms, 3),
            "member": self.member,
            "kind": self.kind.value,
            "message": self.message,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FindingEvent:
        """The inverse of `to_json`.

        Raises:
            KeyError, ValueError: `data` is not an event.
        """
        return cls(float(data["at_ms"]), data["member"], EventKind(data["kind"]), data.get("message", ""))

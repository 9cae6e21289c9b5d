"""One rule: where it stands, how binding it is, and what it asks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wsproof.model.finding import Level
from wsproof.model.harm import Harm

__all__ = ["MAY", "MUST", "SHOULD", "Binding", "Rule"]


class Binding(StrEnum):
    """How strongly the RFC asks (RFC 2119)."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"

    @property
    def level(self) -> Level:
        """What a broken rule of this kind weighs."""
        return _LEVELS[self]


MUST, SHOULD, MAY = Binding

_LEVELS = {MUST: Level.VIOLATION, SHOULD: Level.NON_STRICT, MAY: Level.INFORMATIONAL}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `sentence` is the RFC's demand in our own words; `title` is what a list shows."""

    id: str
    section: str
    level: Binding
    sentence: str
    title: str
    harm: Harm | None = None
    """What breaking it does, where that is more than its binding says."""

    @property
    def where(self) -> str:
        """Document and section: "RFC 6455 5.5.1", "RFC 7692 7.1"; only what stands in no RFC is a word."""
        return f"RFC 6455 {self.section}" if self.section[0].isdigit() else self.section

"""One rule: its section, how binding it is, and its demand."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wsproof.model.chapter import Chapter, Harm, RuleKind, with_document
from wsproof.model.finding import Level

__all__ = ["MAY", "MUST", "SHOULD", "Binding", "Rule"]


class Binding(StrEnum):
    """The requirement level of RFC 2119."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"

    @property
    def level(self) -> Level:
        """The level of a finding about such a rule."""
        return _LEVELS[self]


MUST, SHOULD, MAY = Binding

_LEVELS = {MUST: Level.VIOLATION, SHOULD: Level.NON_STRICT, MAY: Level.INFORMATIONAL}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `sentence` is the RFC's demand in our own words; `title` is its name in lists."""

    id: str
    section: str
    level: Binding
    sentence: str
    title: str
    chapter: Chapter
    harm: Harm | None = None
    """The harm of a violation, if it is more than the binding says."""
    kind: RuleKind = RuleKind.REACTION
    implied_by: tuple[str, ...] = ()
    """Other rules whose violation makes scripts of this rule fail as well."""

    @property
    def where(self) -> str:
        """Document and section. A rule that is in no RFC has a word instead, such as `liveness`."""
        return with_document(self.section)

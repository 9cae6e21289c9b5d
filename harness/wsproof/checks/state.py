"""Judges whether all members of a room know the same state once nothing changes any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wsproof.checks.check import channel_finding
from wsproof.model.contract import Contract
from wsproof.model.finding import Anomaly, Finding, Level

CHECK = "state-convergence"
"""The name of the check, and of the probe whose members keep what they receive."""
NOTHING_KNOWN = "was told no state"
_SHOWN = 5
"""Parts of the state that a finding shows."""
_CHARACTERS = 80
"""Characters of a part's value that a finding shows."""
_LACKS = object()
"""The value of a part that a member lacks: equal to no value."""


@dataclass(frozen=True, slots=True)
class MemberState:
    """The state that a member knows: its parts by name, or None if the server has not sent it.

    `who` describes the member and when it joined.
    """

    who: str
    state: Mapping[str, Any] | None


def agree(states: Sequence[MemberState]) -> bool:
    """Whether all members know the same state."""
    return all(member.state is not None and member.state == states[0].state for member in states)


def judge_states(trials: Sequence[Sequence[MemberState]], contract: Contract) -> list[Finding]:
    """The finding that members know different states, if they did so in every trial.

    `trials` are the states after a time without any message, each with new members.
    """
    if not trials or any(agree(states) for states in trials):
        return []
    first, *others = states = trials[-1]
    other = next(member for member in others if not agree([first, member]))
    explanation = (
        f"{_sentence(first.who)} and {other.who} know different states: {_difference(first, other)}. No message was "
        "in transit any more. All members of a room must know the same state in the end."
    )
    level = Level.VIOLATION if len(trials) > 1 else Level.OBSERVATION
    lines = [f"{member.who}: {_size(member)}" for member in states] + list(_differences(first, other))
    finding = channel_finding(Anomaly.DIVERGED, contract, explanation, lines, level=level, occurrences=len(trials))
    return [replace(finding, check=CHECK)]


def _difference(first: MemberState, other: MemberState) -> str:
    """The first difference between two states, as a clause."""
    for member in (first, other):
        if member.state is None:
            return f"{member.who} {NOTHING_KNOWN}"
    return next(_differences(first, other), "their parts are equal")


def _differences(first: MemberState, other: MemberState) -> Iterator[str]:
    """The differences between two states, a line each: at most `_SHOWN`."""
    mine, theirs = first.state, other.state
    if mine is None or theirs is None:
        return
    parts = [part for part in {**mine, **theirs} if mine.get(part, _LACKS) != theirs.get(part, _LACKS)]
    for part in parts[:_SHOWN]:
        if part not in theirs:
            yield f"only {first.who} has {part!r}: {_shown(mine[part])}"
        elif part not in mine:
            yield f"only {other.who} has {part!r}: {_shown(theirs[part])}"
        else:
            yield f"{part!r} is {_shown(mine[part])} for {first.who}, and {_shown(theirs[part])} for {other.who}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _CHARACTERS else f"{text[: _CHARACTERS - 1]}…"


def _size(member: MemberState) -> str:
    return NOTHING_KNOWN if member.state is None else f"{len(member.state)} parts"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]

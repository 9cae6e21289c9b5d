"""The check type, and a constructor for findings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import cleandoc
from typing import TypeAlias

from wsproof.model.contract import Contract
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.finding_event import FindingEvent
from wsproof.model.history import History

Judge: TypeAlias = Callable[[History, Contract], list[Finding]]
"""A function that compares a history with a contract and returns the findings."""


@dataclass(frozen=True)
class Check:
    """A promise and the function that checks a history for it. The name says what the function looks for."""

    name: str
    promise: str
    run: Judge


def check(name: str, run: Judge) -> Check:
    """Make a check. Its promise is the docstring of `run`: reports print it."""
    return Check(name, " ".join(cleandoc(run.__doc__ or "").split()), run)


def channel_finding(
    anomaly: Anomaly,
    contract: Contract,
    explanation: str,
    witness: Sequence[str],
    *,
    level: Level = Level.VIOLATION,
    occurrences: int = 1,
    events: tuple[FindingEvent, ...] = (),
) -> Finding:
    """A finding about a channel, named after its anomaly."""
    return Finding(
        anomaly.value,
        contract.channel,
        anomaly,
        level,
        explanation,
        tuple(witness),
        occurrences=occurrences,
        events=events,
    )

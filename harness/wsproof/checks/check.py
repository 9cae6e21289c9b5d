"""What a check is, and how findings are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import cleandoc
from typing import TypeAlias

from wsproof.model.contract import Contract
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import History

Judge: TypeAlias = Callable[[History, Contract], list[Finding]]


@dataclass(frozen=True)
class Check:
    """A promise and the function that holds a history against it. Its name says what it looks for."""

    name: str
    promise: str
    run: Judge


def check(name: str, run: Judge) -> Check:
    """A check whose promise is the docstring of its function: reports print it."""
    return Check(name, " ".join(cleandoc(run.__doc__ or "").split()), run)


def found(
    anomaly: Anomaly,
    contract: Contract,
    explanation: str,
    witness: Sequence[str],
    *,
    level: Level = Level.VIOLATION,
    occurrences: int = 1,
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
    )

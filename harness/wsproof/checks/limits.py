"""Judges the server's limit on the size of a message.

The limit is reported. A server without one gets a finding with the memory that the message took.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from wsproof.checks.check import found
from wsproof.model.contract import Contract
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.suite import Figure

MIB = 1 << 20
KEPT_SHARE = 0.5
"""Least share of a message that the memory must have grown by, to say that the server kept it."""


@dataclass(frozen=True, slots=True)
class SizeLimitRecord:
    """One message that grew until the server refused it, or until the bound.

    `taken_bytes` were taken. `refused_bytes` were too many: 0 if nothing was refused up to the bound. `how` says how
    the server refused. `memory_bytes` is what its memory grew by; None if it is not visible.
    """

    form: str
    taken_bytes: int
    refused_bytes: int = 0
    how: str = ""
    memory_bytes: int | None = None


def judge_limits(tests: Sequence[SizeLimitRecord], contract: Contract) -> list[Finding]:
    """The findings about messages that found no limit."""
    unlimited = [one for one in tests if one.taken_bytes and not one.refused_bytes]
    kept = [one for one in unlimited if (one.memory_bytes or 0) >= KEPT_SHARE * one.taken_bytes]
    if not unlimited:
        return []
    worst = max(kept or unlimited, key=lambda one: one.memory_bytes or 0)
    forms = " and ".join(one.form for one in unlimited)
    cost = ""
    if worst.memory_bytes is not None:
        cost = f" Its memory grew by {worst.memory_bytes / MIB:.0f} MiB meanwhile, for one client."
    told = (
        f"The server took {worst.taken_bytes / MIB:g} MiB of one message without a limit ({forms}), and would have "
        f"gone on.{cost} Clients can use up its memory unless a proxy in front of it limits messages."
    )
    level = Level.NON_STRICT if kept else Level.INFORMATIONAL
    finding = found(Anomaly.NOT_FREED, contract, told, [_line(one) for one in tests], level=level)
    return [replace(finding, check="message-size-limit")]


def limits_in_figures(tests: Sequence[SizeLimitRecord]) -> tuple[Figure, ...]:
    """The largest size that was taken in each form."""
    return tuple(Figure(f"taken {one.form}", one.taken_bytes / MIB, "MiB") for one in tests if one.taken_bytes)


def limits_in_words(tests: Sequence[SizeLimitRecord]) -> str:
    """Describe how the server refuses a message that is too long; empty if it never did."""
    refused = [one for one in tests if one.refused_bytes]
    return "; ".join(f"{one.form}: refused at {one.refused_bytes / MIB:g} MiB by {one.how}" for one in refused)


def _line(one: SizeLimitRecord) -> str:
    end = f"refused at {one.refused_bytes / MIB:g} MiB by {one.how}" if one.refused_bytes else "no limit found"
    grew = f", memory +{one.memory_bytes / MIB:.1f} MiB" if one.memory_bytes is not None else ""
    return f"{one.form}: {one.taken_bytes / MIB:g} MiB taken, {end}{grew}"

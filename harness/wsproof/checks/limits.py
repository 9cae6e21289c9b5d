"""Judges the server's limit on the size of a message.

The limit is reported. A server without one gets a finding with the memory that the message took.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from wsproof.checks.check import channel_finding
from wsproof.model.contract import Contract
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.suite import Figure

MIB = 1 << 20
KEPT_SHARE = 0.5
"""Share of a message by which the memory must have grown for the server to have kept it."""


@dataclass(frozen=True, slots=True)
class SizeLimitRecord:
    """One message that grew until the server refused it, or until the bound.

    The server accepted `taken_bytes` and refused `refused_bytes`; 0 if it refused nothing up to the bound. `how` says
    how it refused. `memory_bytes` is the growth of its memory; None if that is not visible.
    """

    form: str
    taken_bytes: int
    refused_bytes: int = 0
    how: str = ""
    memory_bytes: int | None = None


def judge_limits(tests: Sequence[SizeLimitRecord], contract: Contract) -> list[Finding]:
    """The findings about messages that found no limit."""
    unlimited = [test for test in tests if test.taken_bytes and not test.refused_bytes]
    held = [test for test in unlimited if (test.memory_bytes or 0) >= KEPT_SHARE * test.taken_bytes]
    if not unlimited:
        return []
    worst = max(held or unlimited, key=lambda test: test.memory_bytes or 0)
    forms = " and ".join(test.form for test in unlimited)
    cost = ""
    if worst.memory_bytes is not None:
        cost = f" Its memory grew by {worst.memory_bytes / MIB:.0f} MiB meanwhile, for one client."
    explanation = (
        f"The server accepted {worst.taken_bytes / MIB:g} MiB of one message without reaching a limit ({forms}).{cost} "
        "Clients can use up its memory unless a proxy in front of it limits messages."
    )
    level = Level.NON_STRICT if held else Level.INFORMATIONAL
    finding = channel_finding(Anomaly.NOT_FREED, contract, explanation, [_line(test) for test in tests], level=level)
    return [replace(finding, check="message-size-limit")]


def limits_in_figures(tests: Sequence[SizeLimitRecord]) -> tuple[Figure, ...]:
    """The largest size that the server accepted in each form."""
    return tuple(Figure(f"taken {test.form}", test.taken_bytes / MIB, "MiB") for test in tests if test.taken_bytes)


def limits_in_words(tests: Sequence[SizeLimitRecord]) -> str:
    """Describe how the server refuses a message that is too long; empty if it never did."""
    refused = [test for test in tests if test.refused_bytes]
    return "; ".join(f"{test.form}: refused at {test.refused_bytes / MIB:g} MiB by {test.how}" for test in refused)


def _line(test: SizeLimitRecord) -> str:
    end = f"refused at {test.refused_bytes / MIB:g} MiB by {test.how}" if test.refused_bytes else "no limit found"
    grew = f", memory +{test.memory_bytes / MIB:.1f} MiB" if test.memory_bytes is not None else ""
    return f"{test.form}: {test.taken_bytes / MIB:g} MiB taken, {end}{grew}"

"""Leak tests: after many connections, the server serves others and has released its resources."""

from __future__ import annotations

from functools import partial
from typing import Any

from wsproof.conformance.robustness.churn import LEAVINGS, Churn, storm
from wsproof.conformance.robustness.context import RobustnessContext
from wsproof.conformance.robustness.definition import RobustnessOutcome, RobustnessTest
from wsproof.conformance.robustness.leak_slope import leaked_bytes
from wsproof.model.suite import Figure

__all__ = ["TESTS"]

_SERVED = "served-after-churn"
_ALIKE = 4.0
"""A leak up to this many times a simpler one has the same root cause."""


def _storm(context: RobustnessContext, name: str) -> Churn:
    """Run the churn of a rule, once for each context."""
    if name not in context.known:
        context.known[name] = storm(context, LEAVINGS[name])
    told = context.known[name]
    assert isinstance(told, Churn)
    return told


def _served(context: RobustnessContext) -> RobustnessOutcome:
    outcome = RobustnessOutcome()
    repeated = context.parameters.get("leaving")
    for name in LEAVINGS if repeated is None else (repeated,):
        told = _storm(context, name)
        outcome.connections += told.connections
        if not told.served:
            _report_silence(outcome, told)
            break
    return outcome


def _report_silence(outcome: RobustnessOutcome, told: Churn) -> None:
    outcome.lines += told.lines
    outcome.parameters = _parameters(told)
    crowd = f"after {told.connections:,} connections that {told.leaving.did}"
    outcome.report_violation(
        _SERVED, "other clients to be served", f"{crowd}, an old or a new client got no answer to a ping"
    )


def _parameters(told: Churn) -> dict[str, Any]:
    """The parameters that repeat this churn. There is no `size` if it ended during the warm-up."""
    (name,) = [name for name, leaving in LEAVINGS.items() if leaving is told.leaving]
    return {"leaving": name, **({"size": told.size} if told.size else {})}


def _freed(context: RobustnessContext, *, name: str) -> RobustnessOutcome:
    outcome = RobustnessOutcome()
    told = _storm(context, name)
    outcome.connections = told.connections
    outcome.lines += told.lines
    if not told.served:
        _report_silence(outcome, told)
        return outcome
    if not told.rounds or told.rounds[-1].fds is None:
        outcome.lacking = "not measured: the system does not tell what this process uses"
        return outcome
    first, last = told.rounds[0], told.rounds[-1]
    assert first.fds is not None
    assert last.fds is not None
    gone = sum(one.connections for one in told.rounds[1:])
    outcome.figures += [
        Figure("descriptors kept", max(0.0, (last.fds - first.fds) / gone), "a connection"),
        Figure("memory kept", max(0.0, leaked_bytes(told.rounds)), "B a connection"),
    ]
    kept = _kept(told)
    if kept:
        outcome.parameters = _parameters(told)
        crowd = f"of {gone:,} clients that {told.leaving.did} it kept {' and '.join(kept)}"
        outcome.report_violation(
            name, "the server to give back what its past connections took", f"{crowd}, round after round"
        )
        outcome.cause = _cause(context, name, told)
    elif told.late_s is not None:
        outcome.note(f"descriptors came back in the end, but not within {told.late_s:g} s")
    return outcome


def _kept(told: Churn) -> list[str]:
    kept = []
    if told.fds is not None:
        kept.append(f"{told.fds:.2g} descriptors a connection")
    if told.memory is not None:
        kept.append(f"{told.memory / 1000:.1f} kB of memory a connection")
    return kept


def _cause(context: RobustnessContext, name: str, told: Churn) -> str:
    """The rule of a simpler churn that leaks as much, and so is the root cause; empty if there is none."""
    for other in LEAVINGS:
        if other == name:
            break
        known = context.known.get(other)
        if isinstance(known, Churn) and _explains(known.fds, told.fds) and _explains(known.memory, told.memory):
            return other
    return ""


def _explains(simpler: float | None, mine: float | None) -> bool:
    return mine is None or (simpler is not None and mine <= simpler * _ALIKE)


TESTS: tuple[RobustnessTest, ...] = (
    RobustnessTest(_SERVED, _served),
    *(RobustnessTest(name, partial(_freed, name=name), needs_process=True, repeats_itself=True) for name in LEAVINGS),
)

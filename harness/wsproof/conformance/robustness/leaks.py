"""Leak tests: after many connections, the server serves others and has released its resources."""

from __future__ import annotations

from functools import partial
from typing import Any

from wsproof.conformance.robustness.churn import CHURN_ENDS, Churn, run_churn
from wsproof.conformance.robustness.context import RobustnessContext
from wsproof.conformance.robustness.definition import RobustnessOutcome, RobustnessTest
from wsproof.conformance.robustness.leak_slope import leaked_bytes
from wsproof.model.suite import Figure

__all__ = ["TESTS"]

_SERVED = "served-after-churn"
_ALIKE = 4.0
"""A leak of up to this many times the leak of a simpler churn has the same root cause."""


def _churn_of(context: RobustnessContext, name: str) -> Churn:
    """Run the churn of a rule, once for each context."""
    if name not in context.known:
        context.known[name] = run_churn(context, CHURN_ENDS[name])
    churn = context.known[name]
    assert isinstance(churn, Churn)
    return churn


def _served(context: RobustnessContext) -> RobustnessOutcome:
    outcome = RobustnessOutcome()
    repeated = context.parameters.get("leaving")
    for name in CHURN_ENDS if repeated is None else (repeated,):
        churn = _churn_of(context, name)
        outcome.connections += churn.connections
        if not churn.served:
            _report_silence(outcome, churn)
            break
    return outcome


def _report_silence(outcome: RobustnessOutcome, churn: Churn) -> None:
    outcome.lines += churn.lines
    outcome.parameters = _parameters(churn)
    clients = f"after {churn.connections:,} connections that {churn.end.action}"
    outcome.report_violation(
        _SERVED, "other clients to be served", f"{clients}, an old or a new client got no answer to a ping"
    )


def _parameters(churn: Churn) -> dict[str, Any]:
    """The parameters that repeat this churn. There is no `size` if it ended during the warm-up."""
    (name,) = [name for name, end in CHURN_ENDS.items() if end is churn.end]
    return {"leaving": name, **({"size": churn.size} if churn.size else {})}


def _freed(context: RobustnessContext, *, name: str) -> RobustnessOutcome:
    outcome = RobustnessOutcome()
    churn = _churn_of(context, name)
    outcome.connections = churn.connections
    outcome.lines += churn.lines
    if not churn.served:
        _report_silence(outcome, churn)
        return outcome
    if not churn.rounds or churn.rounds[-1].fds is None:
        outcome.lacking = "not measured: the system does not report the resources of this process"
        return outcome
    first, last = churn.rounds[0], churn.rounds[-1]
    assert first.fds is not None
    assert last.fds is not None
    gone = sum(each.connections for each in churn.rounds[1:])
    outcome.figures += [
        Figure("descriptors kept", max(0.0, (last.fds - first.fds) / gone), "a connection"),
        Figure("memory kept", max(0.0, leaked_bytes(churn.rounds)), "B a connection"),
    ]
    resources = _kept(churn)
    if resources:
        outcome.parameters = _parameters(churn)
        clients = f"it kept {' and '.join(resources)} of {gone:,} clients that {churn.end.action}"
        outcome.report_violation(
            name, "the server to free the resources of past connections", f"{clients}, in every round"
        )
        outcome.cause = _cause(context, name, churn)
    elif churn.late_s is not None:
        outcome.note(f"the server released the descriptors in the end, but not within {churn.late_s:g} s")
    return outcome


def _kept(churn: Churn) -> list[str]:
    resources = []
    if churn.fds is not None:
        resources.append(f"{churn.fds:.2g} descriptors a connection")
    if churn.memory is not None:
        resources.append(f"{churn.memory / 1000:.1f} kB of memory a connection")
    return resources


def _cause(context: RobustnessContext, name: str, churn: Churn) -> str:
    """The rule of a simpler churn that leaks as much, and so is the root cause; empty if there is none."""
    for other in CHURN_ENDS:
        if other == name:
            break
        earlier = context.known.get(other)
        if isinstance(earlier, Churn) and _explains(earlier.fds, churn.fds) and _explains(earlier.memory, churn.memory):
            return other
    return ""


def _explains(simpler: float | None, mine: float | None) -> bool:
    return mine is None or (simpler is not None and mine <= simpler * _ALIKE)


TESTS: tuple[RobustnessTest, ...] = (
    RobustnessTest(_SERVED, _served),
    *(RobustnessTest(name, partial(_freed, name=name), needs_process=True, repeats_itself=True) for name in CHURN_ENDS),
)

"""The sentences of a search for the first bad commit."""

from __future__ import annotations

from wsproof.model.bisection import Bisection, BisectStep
from wsproof.report.text.run import count

MOST_SUSPECTS = 10
"""Suspects that are listed."""


def step_sentence(step: BisectStep, left: int, steps: int) -> str:
    """One step of the search, and what is left of it."""
    reason = f" ({step.reason})" if step.reason else ""
    source = ", from its stored comparison" if step.is_reused else ""
    rest = f"; {left} commits left, about {count(steps, 'comparison')}" if left > 1 and steps else ""
    return f"{step.sha[:10]} {step.subject}: {step.state.value}{reason}{source}{rest}"


def bisection_sentence(result: Bisection) -> str:
    """The result of the search in one sentence."""
    good = f"{result.good['ref']} ({result.good['sha'][:10]})"
    bad = f"{result.bad['ref']} ({result.bad['sha'][:10]})"
    if result.first_bad is not None:
        return f"FIRST BAD COMMIT: {result.first_bad['sha'][:10]} {result.first_bad['subject']}"
    if result.suspects:
        shown = ", ".join(f"{each['sha'][:10]} {each['subject']}" for each in result.suspects[:MOST_SUSPECTS])
        more = f", and {len(result.suspects) - MOST_SUSPECTS} more" if len(result.suspects) > MOST_SUSPECTS else ""
        return (
            f"CANNOT TELL: the first bad commit is one of {len(result.suspects)}, because some of them could not be "
            f"tested: {shown}{more}"
        )
    if result.is_undecided:
        return f"CANNOT TELL whether {bad} is worse than {good}: try a longer --budget, or a quieter machine"
    return f"NOTHING TO FIND: {bad} is not worse than {good}"

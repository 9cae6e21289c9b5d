"""Tells whether a check ran and was conclusive."""

from __future__ import annotations

from collections.abc import Iterable

from wsproof.conformance.properties.property import anywhere
from wsproof.conformance.suite import PROPERTIES
from wsproof.model.finding import Verdict
from wsproof.model.suite import CheckRun

__all__ = ["was_tried"]


def was_tried(check: str, runs: Iterable[CheckRun]) -> bool:
    """Whether these runs checked the rule `check` to the end."""
    finished = {run.check for run in runs if run.verdict is not Verdict.UNKNOWN and not run.remark}
    own = {tested.name for tested in PROPERTIES}
    everywhere = {tested.name for tested in PROPERTIES if tested.not_here is anywhere}
    # A rule without a property of its own (frames of the server, its refusals) is checked by all properties together.
    return check in finished if check in own else everywhere <= finished

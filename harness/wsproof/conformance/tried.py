"""Whether a check was run, and could tell."""

from __future__ import annotations

from collections.abc import Iterable

from wsproof.conformance.properties.property import anywhere
from wsproof.conformance.suite import PROPERTIES
from wsproof.model.finding import Verdict
from wsproof.model.suite import CheckRun

__all__ = ["was_tried"]


def was_tried(check: str, runs: Iterable[CheckRun]) -> bool:
    """Whether these runs tried the rule `check` to the end."""
    finished = {run.check for run in runs if run.verdict is not Verdict.UNKNOWN and not run.remark}
    own = {tested.name for tested in PROPERTIES}
    everywhere = {tested.name for tested in PROPERTIES if tested.not_here is anywhere}
    # What has no property of its own (what a server sends, how it refuses) is tried by all of them together.
    return check in finished if check in own else everywhere <= finished

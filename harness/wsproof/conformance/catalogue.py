"""The checks of the suite: all properties and robustness tests, in the order of a run."""

from __future__ import annotations

from collections.abc import Iterable

from wsproof.conformance.properties import (
    close,
    control,
    deflate_bombs,
    deflate_data,
    deflate_frames,
    deflate_messages,
    deflate_offers,
    deflate_server,
    fragmentation,
    framing,
    handshake,
    masking,
    mixed_frames,
    utf8,
)
from wsproof.conformance.properties.property import Property, anywhere
from wsproof.conformance.robustness import compression_isolation, costs, floods, leaks, scope_headers, slow
from wsproof.conformance.robustness.definition import RobustnessTest
from wsproof.model.finding import Verdict
from wsproof.model.suite import CheckRun, SuiteOptions

__all__ = ["BEFORE_FRAMES", "CHECKS", "PROPERTIES", "QUICK", "ROBUSTNESS_TESTS", "quick_first", "was_tried"]

_BY_CHAPTER: tuple[Property, ...] = (
    *handshake.PROPERTIES,
    *framing.PROPERTIES,
    *masking.PROPERTIES,
    *fragmentation.PROPERTIES,
    *control.PROPERTIES,
    *close.PROPERTIES,
    *utf8.PROPERTIES,
    *mixed_frames.PROPERTIES,
    *deflate_offers.PROPERTIES,
    *deflate_messages.PROPERTIES,
    *deflate_frames.PROPERTIES,
    *deflate_server.PROPERTIES,
    *deflate_data.PROPERTIES,
    *deflate_bombs.PROPERTIES,
)
_OFTEN_SILENT = ("header-limits", "handshake-body")
"""Many servers do not answer these requests, which costs full timeouts. So these checks come last."""

PROPERTIES: tuple[Property, ...] = (
    *(each for each in _BY_CHAPTER if each.name not in _OFTEN_SILENT),
    *(each for each in _BY_CHAPTER if each.name in _OFTEN_SILENT),
)
"""All properties in the order of a run: the handshake comes first, since all others depend on it."""

BEFORE_FRAMES = tuple(tested for tested in handshake.PROPERTIES if tested.name != "pipelined-frames")
"""Properties for which the client sends no frame."""

ROBUSTNESS_TESTS: tuple[RobustnessTest, ...] = (
    *scope_headers.TESTS,
    *compression_isolation.TESTS,
    *slow.TESTS,
    *floods.TESTS,
    *costs.TESTS,
    *leaks.TESTS,
)
"""All robustness tests: the quick and gentle ones first."""

CHECKS: tuple[Property | RobustnessTest, ...] = (*PROPERTIES, *ROBUSTNESS_TESTS)
"""All checks. Robustness tests come last, since they strain the server."""

QUICK = (
    "opening-accepted",
    "payload-lengths",
    "ping-answered",
    "close-answered",
    "segmentation",
    "fragments-joined",
    "utf8-broken",
    "utf8-valid",
    "mask-required",
    "control-between-fragments",
    "key-required",
    "upgrade-required",
    "version-13",
    "opcode-reserved",
    "rsv-zero",
    "continuation-orphan",
    "interleaved-messages",
    "control-long",
    "close-code-legal",
    "half-close-ends",
    "extra-headers",
    "handshake-segmentation",
    "deflate-offers",
    "deflate-context",
)
"""The checks that a quick run makes first: what every client needs, then the rules that most planted faults break."""


def quick_first(names: list[str], options: SuiteOptions) -> list[str]:
    """The names in the order of a run: a quick run begins with those of QUICK, any other run keeps their order."""
    if not options.quick:
        return names
    first = [name for name in QUICK if name in names]
    return [*first, *(name for name in names if name not in first)]


def was_tried(check: str, runs: Iterable[CheckRun]) -> bool:
    """Whether these runs checked the rule `check` to the end."""
    finished = {run.check for run in runs if run.verdict is not Verdict.UNKNOWN and not run.remark}
    own = {tested.name for tested in PROPERTIES}
    everywhere = {tested.name for tested in PROPERTIES if tested.not_here is anywhere}
    # A rule without a property of its own (frames of the server, its refusals) is checked by all properties together.
    return check in finished if check in own else everywhere <= finished

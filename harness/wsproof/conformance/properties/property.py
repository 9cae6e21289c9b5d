"""A property: a rule under test, and the scripts that test it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hypothesis.strategies import SearchStrategy

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.rules import Rule, rule
from wsproof.conformance.script import Script, ScriptEnd, SendFrame
from wsproof.wire import MASK, Frame

__all__ = ["MASK", "Property", "anywhere", "script_of"]


def anywhere(profile: EndpointProfile) -> str:
    """The default of `not_here`: every endpoint can be checked."""
    return ""


@dataclass(frozen=True)
class Property:
    """One rule under test. `name` is its id.

    `edges` yields the edge cases of the rule, which run every time. `strategy` generates other scripts.
    Either may be missing. `not_here` returns why an endpoint cannot be checked (for example, it declines an extension),
    or an empty string. `about_offers`: declining every offer is valid for this property, and `about_limits`: refusing
    every message is. Any other property is skipped if the server does that.
    """

    name: str
    strategy: Callable[[EndpointProfile], SearchStrategy[Script]] | None = None
    edges: Callable[[EndpointProfile], Iterable[Script]] | None = None
    not_here: Callable[[EndpointProfile], str] = anywhere
    about_offers: bool = False
    about_limits: bool = False

    @property
    def rule(self) -> Rule:
        """The rule that the property checks."""
        return rule(self.name)

    def script_count(self, profile: EndpointProfile) -> int:
        """The least number of scripts that this check runs on an endpoint: its edge cases and one generated script."""
        if self.not_here(profile):
            return 0
        edges = self.edges(profile) if self.edges is not None else ()
        return sum(1 for _ in edges) + (self.strategy is not None)


def script_of(subject: str, *frames: Frame, ending: ScriptEnd = ScriptEnd.CLOSE, cuts: tuple[int, ...] = ()) -> Script:
    """Make a script of these frames."""
    return Script(subject, tuple(SendFrame(frame) for frame in frames), ending, cuts)

"""A property: a rule under test, and the conversations that test it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hypothesis.strategies import SearchStrategy

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.rules import Rule, rule
from wsproof.conformance.script import Script, ScriptEnd, Send
from wsproof.wire import MASK, Frame

__all__ = ["MASK", "Property", "anywhere", "say"]


def anywhere(facts: EndpointProfile) -> str:
    """No server lacks what this needs."""
    return ""


@dataclass(frozen=True)
class Property:
    """`name` is the id of the rule it is about. `edges` are the boundaries of that rule, each tried every time;
    `conversations` draws from all that lies between. Either may be missing. `not_here` says why nothing of it can be
    tried with a server (one that declines an extension, say), and is empty where it can. `about_offers`: to decline
    them all is an answer as good as any, where other properties then have nothing to look at. `about_limits`: so is to
    refuse every message."""

    name: str
    conversations: Callable[[EndpointProfile], SearchStrategy[Script]] | None = None
    edges: Callable[[EndpointProfile], Iterable[Script]] | None = None
    not_here: Callable[[EndpointProfile], str] = anywhere
    about_offers: bool = False
    about_limits: bool = False

    @property
    def rule(self) -> Rule:
        """The rule it is about."""
        return rule(self.name)


def say(subject: str, *frames: Frame, ending: ScriptEnd = ScriptEnd.CLOSE, cuts: tuple[int, ...] = ()) -> Script:
    """A conversation of these frames."""
    return Script(subject, tuple(Send(frame) for frame in frames), ending, cuts)

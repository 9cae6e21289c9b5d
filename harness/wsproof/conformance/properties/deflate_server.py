"""RFC 7692 7.1.1.1 and 7.1.2.1: whether the server's compression keeps to its agreement."""

from __future__ import annotations

from collections.abc import Iterable

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.oracle.deflate_negotiation import OFFERS
from wsproof.conformance.properties.deflate_builders import declines_all, letters, literally, talk
from wsproof.conformance.properties.property import Property
from wsproof.conformance.script import Script

__all__ = ["PROPERTIES"]

_WORTH_IT = 1_500  # In bytes: many servers do not compress short messages.
_BEYOND = 150  # In bytes: further back than the window, and nearer than twice the smallest window.


def _resets(facts: EndpointProfile) -> list[str]:
    return [
        offer for offer in OFFERS if (found := facts.agreed(offer)) is not None and found.server_no_context_takeover
    ]


def _windows(facts: EndpointProfile) -> list[tuple[str, int]]:
    """Offers with the window in bytes that the server agreed to, if it is smaller than the largest."""
    found = [(offer, facts.agreed(offer)) for offer in OFFERS]
    return [
        (offer, 1 << agreement.server_max_window_bits)
        for offer, agreement in found
        if agreement is not None and agreement.server_max_window_bits < 15
    ]


def _context_edges(facts: EndpointProfile) -> Iterable[Script]:
    text = letters(min(_WORTH_IT, facts.largest_bytes))
    for offer in _resets(facts):
        yield talk(facts, "deflate-server-context", *[literally(text)] * 3, offer=offer)


def _window_edges(facts: EndpointProfile) -> Iterable[Script]:
    subject = "deflate-server-window"
    for offer, window in _windows(facts):
        if 2 * window <= facts.largest_bytes:
            yield talk(facts, subject, literally(letters(window) * 2), offer=offer)  # As far back as the window allows.
        text = letters(window + _BEYOND)
        if 2 * len(text) <= facts.largest_bytes:
            yield talk(facts, subject, literally(text * 2), offer=offer)
        if len(text) <= facts.largest_bytes and offer not in _resets(facts):
            yield talk(facts, subject, literally(text), literally(text), offer=offer)


def _shows_no(facts: EndpointProfile, accepted: bool, what: str) -> str:
    if declines_all(facts):
        return declines_all(facts)
    if not facts.echoes:
        return "nothing comes back from this endpoint that could show it"
    return "" if accepted else f"not offered by the server: it declines {what}"


PROPERTIES = (
    Property(
        "deflate-server-context",
        edges=_context_edges,
        not_here=lambda facts: _shows_no(facts, bool(_resets(facts)), "server_no_context_takeover"),
    ),
    Property(
        "deflate-server-window",
        edges=_window_edges,
        not_here=lambda facts: _shows_no(facts, bool(_windows(facts)), "server_max_window_bits below 15"),
    ),
)

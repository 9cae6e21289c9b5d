"""RFC 7692 7.1.1.1 and 7.1.2.1: the server's compression follows its agreement."""

from __future__ import annotations

from collections.abc import Iterable

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.oracle.deflate_negotiation import OFFERS
from wsproof.conformance.properties.deflate_builders import declines_all, deflate_script, letters, literals
from wsproof.conformance.properties.property import Property
from wsproof.conformance.script import Script

__all__ = ["PROPERTIES"]

_COMPRESSED_BYTES = 1_500
"""Length in bytes of a message that servers compress; many do not compress shorter ones."""
_BEYOND_BYTES = 150
"""Bytes by which a reference exceeds the window; less than the smallest window."""


def _resets(profile: EndpointProfile) -> list[str]:
    return [
        offer for offer in OFFERS if (found := profile.agreed(offer)) is not None and found.server_no_context_takeover
    ]


def _windows(profile: EndpointProfile) -> list[tuple[str, int]]:
    """Offers with the window in bytes that the server agreed to, if it is smaller than the largest."""
    agreements = [(offer, profile.agreed(offer)) for offer in OFFERS]
    return [
        (offer, 1 << agreement.server_max_window_bits)
        for offer, agreement in agreements
        if agreement is not None and agreement.server_max_window_bits < 15
    ]


def _context_edges(profile: EndpointProfile) -> Iterable[Script]:
    text = letters(min(_COMPRESSED_BYTES, profile.largest_bytes))
    for offer in _resets(profile):
        yield deflate_script(profile, "deflate-server-context", *[literals(text)] * 3, offer=offer)


def _window_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject = "deflate-server-window"
    for offer, window in _windows(profile):
        if 2 * window <= profile.largest_bytes:
            yield deflate_script(
                profile, subject, literals(letters(window) * 2), offer=offer
            )  # As far back as the window allows.
        text = letters(window + _BEYOND_BYTES)
        if 2 * len(text) <= profile.largest_bytes:
            yield deflate_script(profile, subject, literals(text * 2), offer=offer)
        if len(text) <= profile.largest_bytes and offer not in _resets(profile):
            yield deflate_script(profile, subject, literals(text), literals(text), offer=offer)


def _shows_no(profile: EndpointProfile, accepted: bool, parameter: str) -> str:
    if declines_all(profile):
        return declines_all(profile)
    if not profile.echoes:
        return "this endpoint sends no replies that could show it"
    return "" if accepted else f"not offered by the server: it declines {parameter}"


PROPERTIES = (
    Property(
        "deflate-server-context",
        edges=_context_edges,
        not_here=lambda profile: _shows_no(profile, bool(_resets(profile)), "server_no_context_takeover"),
    ),
    Property(
        "deflate-server-window",
        edges=_window_edges,
        not_here=lambda profile: _shows_no(profile, bool(_windows(profile)), "server_max_window_bits below 15"),
    ),
)

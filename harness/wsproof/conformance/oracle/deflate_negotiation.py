"""Offers of permessage-deflate and the agreements that answer them (RFC 7692 7.1)."""

from __future__ import annotations

from collections.abc import Iterable

from wsproof.wire import DeflateAgreement, DeflateOffer, parse_extensions

__all__ = [
    "BARE",
    "CLIENT_BITS",
    "CLIENT_RESETS",
    "OFFERS",
    "SERVER_BITS",
    "SERVER_RESETS",
    "agreement_of",
    "offers_deflate",
    "why_illegal",
]

_NAME = "permessage-deflate"

BARE = _NAME
CLIENT_BITS = f"{_NAME}; client_max_window_bits"
SERVER_RESETS = f"{_NAME}; server_no_context_takeover"
CLIENT_RESETS = f"{_NAME}; client_no_context_takeover"
SERVER_BITS = tuple(f"{_NAME}; server_max_window_bits={bits}" for bits in (8, 9, 10, 12, 15))
_ALL = "; ".join(
    (
        _NAME,
        "server_no_context_takeover",
        "client_no_context_takeover",
        "server_max_window_bits=11",
        "client_max_window_bits=11",
    )
)

OFFERS = (BARE, CLIENT_BITS, SERVER_RESETS, CLIENT_RESETS, *SERVER_BITS, _ALL)
"""The offers that the probe tries on every server."""


def agreement_of(answer: str) -> DeflateAgreement | None:
    """Parse a Sec-WebSocket-Extensions value of a server. None if it is malformed or not permessage-deflate."""
    for extension in parse_extensions(answer) or ():
        if extension.name == _NAME:
            read = DeflateAgreement.parse(extension)
            return read if isinstance(read, DeflateAgreement) else None
    return None


def offers_deflate(lines: Iterable[str]) -> bool:
    """Whether these Sec-WebSocket-Extensions lines offer permessage-deflate, legally or not."""
    return any(extension.name == _NAME for extension in parse_extensions(",".join(lines)) or ())


def why_illegal(lines: Iterable[str]) -> tuple[str, ...]:
    """For each offer of permessage-deflate, why it must be declined; empty for a legal offer."""
    offers = [extension for extension in parse_extensions(",".join(lines)) or () if extension.name == _NAME]
    read = [DeflateOffer.parse(offer) for offer in offers]
    return tuple("" if isinstance(offer, DeflateOffer) else offer for offer in read)

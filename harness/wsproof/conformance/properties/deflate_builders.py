"""Builders of the deflate properties: compressed messages as frames, and scripts that use them."""

from __future__ import annotations

import random
from itertools import pairwise

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.oracle.deflate_negotiation import OFFERS
from wsproof.conformance.properties.deflate_blocks import Blocks
from wsproof.conformance.properties.strategies import fragments
from wsproof.conformance.script import Handshake, Script, SendFrame
from wsproof.wire import MASK, DeflateAgreement, Frame, Opcode

__all__ = [
    "agreed",
    "apply_cuts",
    "declines_all",
    "deflate_script",
    "letters",
    "literals",
    "packed",
    "text_or_sample",
    "usual_offer",
]

RSV1 = 4


def usual_offer(profile: EndpointProfile) -> str | None:
    """The simplest offer that this server accepts; None if it declines them all."""
    return next((offer for offer in OFFERS if profile.agreed(offer) is not None), None)


def agreed(profile: EndpointProfile) -> DeflateAgreement:
    """The agreement on the usual offer; the defaults if there is none."""
    offer = usual_offer(profile)
    return (profile.agreed(offer) if offer is not None else None) or DeflateAgreement()


def declines_all(profile: EndpointProfile) -> str:
    """Return why this server cannot be sent compressed messages; empty if it can."""
    return "" if profile.agreements else "not offered by the server: it declines permessage-deflate"


def deflate_script(
    profile: EndpointProfile, subject: str, *frames: Frame, offer: str | None = None, cuts: tuple[int, ...] = ()
) -> Script:
    """Make a script with an accepted offer of permessage-deflate: `offer`, or else the usual one."""
    handshake = Handshake(extensions=(offer or usual_offer(profile) or OFFERS[0],))
    return Script(subject, tuple(SendFrame(frame) for frame in frames), cuts=cuts, handshake=handshake, deflate=True)


def packed(payload: bytes | Blocks, *, opcode: int = Opcode.TEXT) -> Frame:
    """A compressed message in one frame."""
    data = payload.message() if isinstance(payload, Blocks) else payload
    return Frame(opcode, data, rsv=RSV1, mask=MASK)


def literals(text: bytes) -> Frame:
    """A compressed text without back references, which is legal under every agreement."""
    return packed(Blocks().fixed(text))


def apply_cuts(message: Frame, *places: int) -> list[Frame]:
    """Split one message into fragments at these offsets of its payload. RSV1 stays on the first fragment."""
    edges = [0, *sorted(min(place, len(message.payload)) for place in places), len(message.payload)]
    pieces = (message.payload[start:end] for start, end in pairwise(edges))
    return fragments(*pieces, opcode=message.opcode, rsv=message.rsv)


def text_or_sample(profile: EndpointProfile, text: str) -> bytes:
    """The text, or the sample if the endpoint has one."""
    return text.encode() if profile.sample is None else profile.sample.payload


def letters(count: int, seed: int = 0) -> bytes:
    """Printable characters without repetitions that a compressor would find. The same arguments give the same bytes."""
    rng = random.Random(seed)
    return bytes(rng.choices(range(ord("!"), ord("~")), k=count))

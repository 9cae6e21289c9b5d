"""RFC 7692 7.1: legal and illegal offers, and the agreements that follow."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.oracle.deflate_negotiation import BARE, OFFERS
from wsproof.conformance.properties.deflate_blocks import Blocks
from wsproof.conformance.properties.deflate_builders import letters, literals, packed, text_or_sample
from wsproof.conformance.properties.property import Property
from wsproof.conformance.script import Handshake, Script, SendFrame

__all__ = ["PROPERTIES", "offers"]

_BITS = tuple(str(bits) for bits in range(8, 16))
_UNFIT_BITS = ("0", "7", "16", "010", "08", "x", "-9", "+10", "1e1", "10.0", "99999999999999999999")
_ILLEGAL = (
    *(f"{BARE}; server_max_window_bits={bits}" for bits in _UNFIT_BITS),
    *(f"{BARE}; client_max_window_bits={bits}" for bits in _UNFIT_BITS),
    f"{BARE}; server_max_window_bits",
    f"{BARE}; server_no_context_takeover=1",
    f"{BARE}; server_no_context_takeover=true",
    f"{BARE}; client_no_context_takeover=1",
    f"{BARE}; unknown",
    f"{BARE}; unknown=1",
    f"{BARE}; server_max_window_bits=10; unknown",
    f"{BARE}; server_no_context_takeover; server_no_context_takeover",
    f"{BARE}; server_max_window_bits=10; server_max_window_bits=11",
    f"{BARE}; client_max_window_bits; client_max_window_bits=10",
)
_SEVERAL: tuple[tuple[str, ...], ...] = (
    (f'{BARE}; server_max_window_bits="10"',),
    (f'{BARE}; client_max_window_bits="12"',),
    (f"{BARE};server_max_window_bits=10",),
    (f"{BARE} ; server_max_window_bits = 10",),
    (f"{BARE}; server_max_window_bits=10, {BARE}",),
    (f"{BARE}; server_max_window_bits=10", BARE),
    (f"{BARE}; server_no_context_takeover, {BARE}; client_no_context_takeover, {BARE}",),
    (f"x-wsproof; unknown=1, {BARE}",),
    (f"{BARE}, x-wsproof",),
    (f"{BARE}; unknown, {BARE}",),
    (f"{BARE}; server_max_window_bits=16, {BARE}; client_max_window_bits",),
    (f"{BARE}, {BARE}",),
)


def _offer_script(profile: EndpointProfile, subject: str, lines: tuple[str, ...]) -> Script:
    """Send two texts behind the offer: legal under every agreement, and long enough that the server compresses its
    reply."""
    text = text_or_sample(profile, letters(300).decode())
    actions = (SendFrame(literals(text)), SendFrame(literals(text)))
    return Script(subject, actions, handshake=Handshake(extensions=lines), deflate=True)


def _offer_edges(profile: EndpointProfile) -> Iterable[Script]:
    for offer in OFFERS:
        yield _offer_script(profile, "deflate-offers", (offer,))
    for lines in _SEVERAL:
        yield _offer_script(profile, "deflate-offers", lines)


@st.composite
def offers(draw: st.DrawFn) -> str:
    """One legal offer: any of the four parameters, in any order, with and without quotes."""
    chosen = draw(
        st.lists(
            st.sampled_from(
                ("server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits",
                 "client_max_window_bits")
            ),
            unique=True,
            max_size=4,
        )
    )  # fmt: skip
    return "; ".join([BARE, *(_with_value(draw, name) for name in chosen)])


def _with_value(draw: st.DrawFn, name: str) -> str:
    if not name.endswith("_bits") or (name.startswith("client") and draw(st.booleans())):
        return name
    bits = draw(st.sampled_from(_BITS))
    return f'{name}="{bits}"' if draw(st.booleans()) else f"{name}={bits}"


def _any_offers(profile: EndpointProfile) -> st.SearchStrategy[Script]:
    lists = st.lists(offers() | st.sampled_from(["x-wsproof", *_ILLEGAL]), min_size=1, max_size=3)
    return lists.map(lambda lines: _offer_script(profile, "deflate-offers", tuple(lines)))


def _illegal_edges(profile: EndpointProfile) -> Iterable[Script]:
    for offer in _ILLEGAL:
        yield Script("deflate-declined", handshake=Handshake(extensions=(offer,)))


def _not_agreed_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject = "deflate-not-agreed"
    for offer in (f"{BARE}; unknown", f"{BARE}; server_max_window_bits=16"):
        for message in (literals(text_or_sample(profile, "packed")), packed(Blocks().stored(b""))):
            yield Script(subject, (SendFrame(message),), handshake=Handshake(extensions=(offer,)))


PROPERTIES = (
    Property("deflate-declined", edges=_illegal_edges),
    Property("deflate-offers", _any_offers, _offer_edges, about_offers=True),
    Property("deflate-not-agreed", edges=_not_agreed_edges),
)

"""Small messages that inflate to much: what a server takes, whether it takes it whole, and what that costs it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from functools import cache

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.properties.deflate_builders import apply_cuts, declines_all, packed, talk
from wsproof.conformance.properties.property import Property
from wsproof.conformance.script import Script

__all__ = ["BOMB_MIB", "PROPERTIES", "bomb", "swollen"]

BOMB_MIB = 80
"""More than any server's limit that we know of (64 MiB), and little enough for a machine that tests."""


_MIB = 1 << 20
_LIMITS_MIB = (1, 4, 16)
"""Where servers have their limits by default."""


@cache
def swollen(size_bytes: int) -> bytes:
    """The payload of a compressed text of so many letters: about a thousandth of their number."""
    compressor = zlib.compressobj(9, wbits=-15)
    data = b"".join(compressor.compress(b"b" * min(_MIB, size_bytes - at)) for at in range(0, size_bytes, _MIB))
    return (data + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def bomb(mebibytes: int = BOMB_MIB) -> bytes:
    """The payload of a compressed text of so many mebibytes."""
    return swollen(mebibytes * _MIB)


def _size_edges(facts: EndpointProfile) -> Iterable[Script]:
    """At a limit, and just over it: there a message is taken or refused, and can be cut by mistake."""
    for limit in _LIMITS_MIB:
        for size in (limit * _MIB, limit * _MIB + 1):
            yield talk(facts, "deflate-sizes", packed(swollen(size)))


def _shows_sizes(facts: EndpointProfile) -> str:
    if declines_all(facts) or facts.echoes:
        return declines_all(facts)
    return "nothing comes back from this endpoint that could show it"


def _edges(facts: EndpointProfile) -> Iterable[Script]:
    yield talk(facts, "deflate-bomb", packed(bomb()))
    yield talk(facts, "deflate-bomb", *apply_cuts(packed(bomb()), *range(0, len(bomb()), len(bomb()) // 20)))


PROPERTIES = (
    Property("deflate-sizes", edges=_size_edges, not_here=_shows_sizes, about_limits=True),
    Property("deflate-bomb", edges=_edges, not_here=declines_all),
)

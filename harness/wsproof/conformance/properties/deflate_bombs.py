"""Small messages that inflate to large ones: the server accepts them whole or refuses them, with bounded memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from functools import cache

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.properties.deflate_builders import apply_cuts, declines_all, deflate_script, packed
from wsproof.conformance.properties.property import Property
from wsproof.conformance.script import Script

__all__ = ["BOMB_MIB", "PROPERTIES", "bomb", "compressed_text"]

BOMB_MIB = 80
"""Size of a bomb in MiB: more than any known limit of a server (64 MiB), and small enough for a test machine."""


_MIB = 1 << 20
_LIMITS_MIB = (1, 4, 16)
"""Default limits of servers, in MiB."""


@cache
def compressed_text(size_bytes: int) -> bytes:
    """The payload of a compressed text of `size_bytes` letters; it is about a thousandth as long."""
    compressor = zlib.compressobj(9, wbits=-15)
    data = b"".join(compressor.compress(b"b" * min(_MIB, size_bytes - at)) for at in range(0, size_bytes, _MIB))
    return (data + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def bomb(mebibytes: int = BOMB_MIB) -> bytes:
    """The payload of a compressed text of this many mebibytes."""
    return compressed_text(mebibytes * _MIB)


def _size_edges(profile: EndpointProfile) -> Iterable[Script]:
    """Sizes at and just over each limit, where a server accepts or refuses the message, or cuts it by mistake."""
    for limit in _LIMITS_MIB:
        for size in (limit * _MIB, limit * _MIB + 1):
            yield deflate_script(profile, "deflate-sizes", packed(compressed_text(size)))


def _shows_sizes(profile: EndpointProfile) -> str:
    if declines_all(profile) or profile.echoes:
        return declines_all(profile)
    return "this endpoint sends no replies that could show it"


def _edges(profile: EndpointProfile) -> Iterable[Script]:
    yield deflate_script(profile, "deflate-bomb", packed(bomb()))
    yield deflate_script(
        profile, "deflate-bomb", *apply_cuts(packed(bomb()), *range(0, len(bomb()), len(bomb()) // 20))
    )


PROPERTIES = (
    Property("deflate-sizes", edges=_size_edges, not_here=_shows_sizes, about_limits=True),
    Property("deflate-bomb", edges=_edges, not_here=declines_all),
)

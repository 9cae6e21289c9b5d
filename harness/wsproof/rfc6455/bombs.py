"""Small messages that inflate hugely: what a server takes, and what that costs it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from functools import cache

from wsproof.rfc6455.compressed import apply_cuts, declines_all, packed, talk
from wsproof.rfc6455.conversation import Conversation
from wsproof.rfc6455.facts import Facts
from wsproof.rfc6455.property import Property

__all__ = ["BOMB_MIB", "PROPERTIES", "bomb"]

BOMB_MIB = 80
"""More than any server's limit that we know of (64 MiB), and little enough for a machine that tests."""


@cache
def bomb(mebibytes: int = BOMB_MIB) -> bytes:
    """The payload of a compressed text of so many letters: about a thousandth of their number."""
    compressor = zlib.compressobj(9, wbits=-15)
    piece = b"b" * (1 << 20)
    data = b"".join(compressor.compress(piece) for _ in range(mebibytes))
    return (data + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def _edges(facts: Facts) -> Iterable[Conversation]:
    yield talk(facts, "deflate-bomb", packed(bomb()))
    yield talk(facts, "deflate-bomb", *apply_cuts(packed(bomb()), *range(0, len(bomb()), len(bomb()) // 20)))


PROPERTIES = (Property("deflate-bomb", edges=_edges, not_here=declines_all),)

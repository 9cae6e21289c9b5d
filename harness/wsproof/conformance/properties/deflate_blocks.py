"""A writer of DEFLATE blocks (RFC 1951) that no compressor makes but every receiver must read.

A compression library chooses the blocks itself and never refers back as far as it may. Here the caller chooses each
block: stored or with the fixed codes, final or not, empty or not. Copies may have any length and distance, so tests can
use exact edge cases.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

__all__ = ["Blocks", "Copy"]


@dataclass(frozen=True, slots=True)
class Copy:
    """Repeat `length` bytes (3 to 258) from `distance` bytes back (1 to 32,768)."""

    length: int
    distance: int


def _ranges(first: int, count: int, grows_every: int) -> list[tuple[int, int]]:
    """First value and extra bits of each code. The extra bits grow by one every `grows_every` codes (3.2.5)."""
    rows: list[tuple[int, int]] = []
    for index in range(count):
        extra = max(0, index // grows_every - 1)
        rows.append((first, extra))
        first += 1 << extra
    return rows


_LENGTHS = [*_ranges(3, 28, 4), (258, 0)]
_DISTANCES = _ranges(1, 30, 2)


class Blocks:
    """Builds a payload. Each block method appends one block and returns the builder, so that calls can be chained."""

    def __init__(self) -> None:
        self._bits = 0
        self._count = 0

    def stored(self, data: bytes, *, final: bool = False) -> Blocks:
        """Append a stored block: at most 65,535 uncompressed bytes, at a byte boundary."""
        self._head(final, 0)
        self._pad()
        size = len(data)
        return self._whole(size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little") + data)

    def fixed(self, *tokens: bytes | Copy, final: bool = False) -> Blocks:
        """Append a block with the fixed codes; bytes are literals."""
        self._head(final, 1)
        for token in tokens:
            if isinstance(token, Copy):
                self._copy(token)
            else:
                for byte in token:
                    self._symbol(byte)
        self._symbol(256)
        if final:
            self._pad()  # RFC 7692 7.2.1: the next block begins at a byte boundary.
        return self

    def library(self, data: bytes, *, level: int = 9, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> Blocks:
        """Append zlib's blocks for `data` alone, with dynamic codes if they are shorter."""
        if self._count % 8:
            self.stored(b"")
        compressor = zlib.compressobj(level, wbits=-15, memLevel=1, strategy=strategy)
        return self._whole(compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))

    def bits(self, value: int, count: int) -> Blocks:
        """Append any bits, the lowest first."""
        self._bits |= value << self._count
        self._count += count
        return self

    def message(self) -> bytes:
        """The payload of a message: it ends in an empty stored block without its last four bytes (RFC 7692 7.2.1)."""
        self._head(False, 0)
        return self.unfinished()

    def unfinished(self) -> bytes:
        """The blocks so far, padded to whole bytes, without an end marker."""
        self._pad()
        return self._bits.to_bytes(self._count // 8, "little")

    def _head(self, final: bool, kind: int) -> None:
        self.bits(int(final) | kind << 1, 3)

    def _pad(self) -> None:
        self._count += -self._count % 8

    def _whole(self, data: bytes) -> Blocks:
        return self.bits(int.from_bytes(data, "little"), 8 * len(data))

    def _symbol(self, symbol: int) -> None:
        if symbol < 144:
            self._code(0b0011_0000 + symbol, 8)
        elif symbol < 256:
            self._code(0b1_1001_0000 + symbol - 144, 9)
        elif symbol < 280:
            self._code(symbol - 256, 7)
        else:
            self._code(0b1100_0000 + symbol - 280, 8)

    def _copy(self, copy: Copy) -> None:
        index, extra, rest = _find(_LENGTHS, copy.length)
        self._symbol(257 + index)
        self.bits(rest, extra)
        index, extra, rest = _find(_DISTANCES, copy.distance)
        self._code(index, 5)
        self.bits(rest, extra)

    def _code(self, code: int, width: int) -> None:
        # Codes are the only part of DEFLATE that is written with the highest bit first (3.1.1).
        self.bits(int(f"{code:0{width}b}"[::-1], 2), width)


def _find(table: list[tuple[int, int]], value: int) -> tuple[int, int, int]:
    index = max(index for index, (first, _) in enumerate(table) if first <= value)
    return index, table[index][1], value - table[index][0]

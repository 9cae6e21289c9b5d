"""HdrHistogram: counts in buckets of a fixed relative width.

Histograms of several processes can be added without loss. Layout and encoding (V2, compressed) are those of the
original HdrHistogram (Gil Tene; log format 1.3), so its tools can read what is written here, and vice versa. The
relative error of a value is at most 10^-digits. A percentile is the largest value of its bucket.
"""

from __future__ import annotations

import base64
import math
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

V2, V2_COMPRESSED = 0x1C849303 | 0x10, 0x1C849304 | 0x10
HEADER = struct.Struct(">iiiiqqd")
"""Cookie, length of the counts, index offset, digits, lowest, highest, and a ratio for non-integer values."""
PREFIX = struct.Struct(">ii")
HOUR_NS = 3_600_000_000_000
MOST_BYTES = 64 * 1024 * 1024
"""Maximum unpacked size of a histogram, in bytes: a small file must not fill the memory."""
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Layout:
    """The assignment of values to buckets: from `lowest` to `highest`, with `digits` significant decimal digits."""

    lowest: int = 1
    highest: int = HOUR_NS
    digits: int = 3

    @property
    def unit(self) -> int:
        """Number of low bits of a value that are always dropped."""
        return self.lowest.bit_length() - 1

    @property
    def half(self) -> int:
        """Bits of half a bucket row: 2^half buckets per power of two."""
        return max(math.ceil(math.log2(2 * 10**self.digits)), 1) - 1

    @property
    def length(self) -> int:
        """Number of counts."""
        rows, covered = 1, 1 << (self.half + 1 + self.unit)
        while covered <= self.highest:
            covered <<= 1
            rows += 1
        return (rows + 1) << self.half

    def index(self, values: NDArray[Any]) -> Counts:
        """Return the bucket of each value. Values above the highest go into the last bucket."""
        integers = np.clip(values, 0, self.highest).astype(np.int64)
        mask = np.int64(((1 << (self.half + 1)) - 1) << self.unit)
        # frexp returns the exact bit length up to 2^53. A value here is at most one hour in ns, 2^42.
        row = np.frexp((integers | mask).astype(np.float64))[1].astype(np.int64) - self.unit - self.half - 1
        index: Counts = ((row + 1) << self.half) + (integers >> (row + self.unit)) - (1 << self.half)
        return index

    def largest(self, index: Counts) -> Counts:
        """Return the largest value of each bucket."""
        row = np.maximum((index >> self.half) - 1, 0)
        within = np.where(index < (1 << self.half), index, (index & ((1 << self.half) - 1)) + (1 << self.half))
        largest: Counts = ((within + 1) << (row + self.unit)) - 1
        return largest


@dataclass(frozen=True)
class Histogram:
    """Counts per bucket."""

    layout: Layout
    counts: Counts

    @classmethod
    def of(cls, values: NDArray[Any], layout: Layout | None = None) -> Histogram:
        """Return the histogram of these values."""
        layout = layout or Layout()
        return cls(layout, np.bincount(layout.index(values), minlength=layout.length).astype(np.int64))

    def __add__(self, other: Histogram) -> Histogram:
        """Return the sum: the same as a histogram of all values together."""
        if self.layout != other.layout:
            raise ValueError(f"histograms of different layouts do not add up: {self.layout} and {other.layout}")
        return Histogram(self.layout, self.counts + other.counts)

    @property
    def total(self) -> int:
        """Number of values."""
        return int(self.counts.sum())

    def percentile(self, share: float) -> int | None:
        """Return the smallest bucket value that is at least as large as `share` (0-1) of all values.

        A bucket is represented by its largest value. Returns None for an empty histogram.
        """
        if not self.total:
            return None
        rank = max(math.ceil(share * self.total - 1e-9), 1)
        index = np.searchsorted(np.cumsum(self.counts), rank)
        return int(self.layout.largest(np.array([index], np.int64))[0])

    def encode(self) -> str:
        """Return the compressed V2 encoding in base64."""
        counts = _pack(np.trim_zeros(self.counts, "b").tolist())
        head = HEADER.pack(V2, len(counts), 0, self.layout.digits, self.layout.lowest, self.layout.highest, 1.0)
        squeezed = zlib.compress(head + counts)
        return base64.b64encode(PREFIX.pack(V2_COMPRESSED, len(squeezed)) + squeezed).decode()

    @classmethod
    def decode(cls, text: str) -> Histogram:
        """The inverse of `encode`.

        Raises:
            ValueError: the text is not a histogram in this encoding.
        """
        try:
            raw = base64.b64decode(text, validate=True)
            cookie, length = PREFIX.unpack_from(raw)
            inflater = zlib.decompressobj()
            data = inflater.decompress(raw[PREFIX.size : PREFIX.size + length], MOST_BYTES)
            inner, size, offset, digits, lowest, highest, _ = HEADER.unpack_from(data)
        except (ValueError, struct.error, zlib.error) as error:
            raise ValueError(f"expected a compressed HdrHistogram in base64: {error}") from error
        if (cookie, inner, offset) != (V2_COMPRESSED, V2, 0) or not inflater.eof or not 1 <= digits <= 5 or lowest < 1:
            raise ValueError("expected a compressed HdrHistogram of version 2 without an offset")
        layout = Layout(lowest, highest, digits)
        return cls(layout, _unpack(data[HEADER.size : HEADER.size + size], layout.length))


def _pack(counts: list[int]) -> bytes:
    """Encode counts as ZigZag LEB128. A run of zeros becomes one negative number, its length."""
    packed = bytearray()
    zeros = 0
    for count in [*counts, None]:
        if count == 0:
            zeros += 1
            continue
        if zeros:
            _put(packed, -zeros)
            zeros = 0
        if count is not None:
            _put(packed, count)
    return bytes(packed)


def _put(packed: bytearray, number: int) -> None:
    left = (number << 1) ^ (number >> 63)
    # At most nine bytes: the ninth has eight data bits and no continuation bit.
    for _ in range(8):
        if left < 0x80:
            packed.append(left)
            return
        packed.append(left & 0x7F | 0x80)
        left >>= 7
    packed.append(left & 0xFF)


def _unpack(data: bytes, length: int) -> Counts:
    counts = np.zeros(length, np.int64)
    at = place = 0
    while at < len(data):
        number = shift = 0
        for nth in range(9):
            if at == len(data):
                raise ValueError("the histogram is cut off in the middle of a count")
            byte = data[at]
            at += 1
            number |= (byte if nth == 8 else byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        value = (number >> 1) ^ -(number & 1)
        if value < 0:
            place -= value
        elif place < length:
            counts[place] = value
            place += 1
        else:
            raise ValueError("the histogram has more counts than its layout")
    return counts

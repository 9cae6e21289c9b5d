"""Bindings of `loops.c`, which is compiled on first use."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from benchmarks.compiled import compiled

SOURCE = Path(__file__).with_name("loops.c")


@cache
def _library() -> ctypes.CDLL:
    library = compiled(SOURCE)
    library.read_frames.restype = ctypes.c_int64
    return library


def send_rounds(descriptors: Sequence[int], pieces: Sequence[bytes], gap_ns: float) -> None:
    """Send each piece to each socket, with `gap_ns` between two sends (0: as fast as the readers take them).

    Raises:
        ConnectionError: a reader closed its connection.
    """
    ends = [0]
    for piece in pieces:
        ends.append(ends[-1] + len(piece))
    fds = (ctypes.c_int * len(descriptors))(*descriptors)
    offsets = (ctypes.c_int64 * len(ends))(*ends)
    gap = ctypes.c_double(gap_ns)
    if _library().send_rounds(fds, len(descriptors), b"".join(pieces), offsets, len(pieces), gap) != 0:
        raise ConnectionError("a reader has gone before it had everything")


def read_frames(descriptors: Sequence[int], wanted: int) -> tuple[int, int]:
    """Read until `wanted` frames have arrived. Returns the numbers of frames and reads.

    The number of frames is -1 if a connection ends, or if nothing arrives for 20 s.
    """
    fds = (ctypes.c_int * len(descriptors))(*descriptors)
    reads = ctypes.c_int64(0)
    frames = _library().read_frames(fds, len(descriptors), ctypes.c_int64(wanted), ctypes.byref(reads))
    return int(frames), reads.value

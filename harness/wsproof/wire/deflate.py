"""permessage-deflate (RFC 7692 7.2): one stream per direction, with context takeover and window sizes."""

from __future__ import annotations

import zlib

from wsproof.wire.extensions import DeflateAgreement

__all__ = ["Deflater", "Inflater"]

_TAIL = b"\x00\x00\xff\xff"  # the sender removes these bytes and the receiver appends them again (7.2.1, 7.2.2)
_EMPTY_FINAL_BLOCK = b"\x03\x00"
_BIG_PIECE = 16 * 1024
# Bytes. zlib lets a match reach back over the window plus the output of the current call. Output in small pieces
# therefore reveals a sender whose window is larger than agreed. Small input keeps the copied remainder short.
_SMALL_PIECE, _SMALL_INPUT = 64, 256


class Deflater:
    """Compresses our messages within the client's part of the agreement."""

    def __init__(self, agreement: DeflateAgreement) -> None:
        self._bits = agreement.client_max_window_bits
        self._reset_each = agreement.client_no_context_takeover
        self._compressor = self._new()

    def _new(self) -> zlib._Compress:
        if self._bits == 8:
            # zlib cannot produce raw streams with a 256-byte window. Huffman codes alone never refer back.
            return zlib.compressobj(wbits=-9, strategy=zlib.Z_HUFFMAN_ONLY)
        return zlib.compressobj(wbits=-self._bits)

    def deflate(self, payload: bytes) -> bytes:
        """Return the compressed payload of one whole message."""
        if self._reset_each:
            self._compressor = self._new()
        data = self._compressor.compress(payload) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
        return data[:-4] if data.endswith(_TAIL) else data


class Inflater:
    """Decompresses the server's messages, in bounded pieces. Once `is_broken`, later messages cannot be read either."""

    def __init__(self, agreement: DeflateAgreement) -> None:
        self._bits = agreement.server_max_window_bits
        self._reset_each = agreement.server_no_context_takeover
        small = self._bits < 15
        self._out_bytes = _SMALL_PIECE if small else _BIG_PIECE
        self._in_bytes = _SMALL_INPUT if small else _BIG_PIECE
        self._window = b""
        self._decompressor = zlib.decompressobj(-self._bits)
        self.is_broken = False

    def start_message(self) -> None:
        """Start a compressed message. Without context takeover the window is reset (7.1.1.1)."""
        if self._reset_each:
            self._window = b""
            self._decompressor = zlib.decompressobj(-self._bits)
            self.is_broken = False

    def inflate(self, data: bytes, *, final: bool, limit_bytes: int) -> bytes | str:
        """Decompress the next fragment, or return a sentence that says what is wrong with it.

        Decompression stops soon after `limit_bytes` of output, so the result is longer than the limit. The inflater is
        `is_broken` from then on.
        """
        if self.is_broken:
            return "an earlier message left the compression context unknown"
        try:
            out = self._run(data, limit_bytes)
            if final and len(out) <= limit_bytes:
                out += self._run(_TAIL, limit_bytes - len(out))
                if not self.is_broken and not self._at_block_boundary():
                    self.is_broken = True
                    return "the message ends inside a DEFLATE block"
        except zlib.error as error:
            self.is_broken = True
            return str(error)
        return out

    def _run(self, data: bytes, limit_bytes: int) -> bytes:
        out = bytearray()
        for at in range(0, len(data), self._in_bytes):
            rest = data[at : at + self._in_bytes]
            while True:
                piece = self._decompressor.decompress(rest, self._out_bytes)
                out += piece
                if len(out) > limit_bytes:
                    self.is_broken = True
                    return bytes(out)
                if self._decompressor.eof:
                    # A block with BFINAL ends a stream, but not the message (7.2.3.4): continue with the same window.
                    rest = self._decompressor.unused_data
                    window = (self._window + out)[-(1 << self._bits) :]
                    self._decompressor = zlib.decompressobj(-self._bits, zdict=window)
                    if not rest:
                        break
                    continue
                rest = self._decompressor.unconsumed_tail
                if not rest and len(piece) < self._out_bytes:
                    break
        self._window = (self._window + out)[-(1 << self._bits) :]
        return bytes(out)

    def _at_block_boundary(self) -> bool:
        """Whether the stream is between two blocks.

        A copy tries to read a final, empty block, which is possible only there.
        """
        probe = self._decompressor.copy()
        try:
            return not probe.decompress(_EMPTY_FINAL_BLOCK) and probe.eof
        except zlib.error:
            return False

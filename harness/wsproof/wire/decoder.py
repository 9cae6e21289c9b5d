"""Decoder from bytes to frames. It does not check them: the auditor decides what is legal."""

from __future__ import annotations

from wsproof.wire.frames import Frame, LengthForm, apply_mask, minimal_form

__all__ = ["DEFAULT_MAX_PAYLOAD_BYTES", "FrameDecoder"]

DEFAULT_MAX_PAYLOAD_BYTES = 64 * 1024 * 1024
# Bytes. Consumed data stays at the front of the buffer up to this size: one memmove per block, not one per frame.
_COMPACT_BYTES = 64 * 1024


class FrameDecoder:
    """Turns bytes, in pieces of any size, into frames, legal or not (RFC 6455 5.2).

    A frame that declares more than `max_payload_bytes` is returned at once as a head without payload
    (`Frame.is_truncated`). Its payload is discarded as it arrives, so a false length costs no memory. Time is linear in
    the number of bytes, whatever the size of the pieces.
    """

    def __init__(self, *, max_payload_bytes: int = DEFAULT_MAX_PAYLOAD_BYTES) -> None:
        self.max_payload_bytes = max_payload_bytes
        self._buffer = bytearray()
        self._start = 0
        self._wanted = 2  # bytes after _start that the next attempt needs: this keeps tiny pieces linear
        self._discard = 0

    @property
    def pending_bytes(self) -> int:
        """Number of bytes received of an incomplete frame."""
        return len(self._buffer) - self._start

    @property
    def incomplete(self) -> bytes:
        """The bytes received of an incomplete frame."""
        return bytes(self._buffer[self._start :])

    def starts_with(self, data: bytes) -> bool:
        """Whether the unread data starts with these bytes."""
        return not self._discard and self._buffer.startswith(data, self._start)

    @property
    def is_between_frames(self) -> bool:
        """Whether nothing is buffered, and nothing is left to discard."""
        return not self._discard and len(self._buffer) == self._start

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take bytes from the network, in pieces of any size."""
        if self._discard:
            dropped = min(self._discard, len(data))
            self._discard -= dropped
            data = data[dropped:]
        self._buffer += data

    def next_frame(self) -> Frame | None:
        """Return the next frame; None until more bytes arrive."""
        buffer, start = self._buffer, self._start
        available = len(buffer) - start
        if available < self._wanted:
            return None
        first, second = buffer[start], buffer[start + 1]
        masked, short = second & 0x80, second & 0x7F
        width = 0 if short < 126 else 2 if short == 126 else 8
        head = 2 + width + (4 if masked else 0)
        if available < head:
            self._wanted = head
            return None
        body = start + head
        length = int.from_bytes(buffer[start + 2 : start + 2 + width], "big") if width else short
        if length > self.max_payload_bytes:
            end, payload = min(body + length, len(buffer)), b""
            self._discard = body + length - end
        elif available < head + length:
            self._wanted = head + length
            return None
        else:
            end = body + length
            payload = bytes(buffer[body:end])
        mask = bytes(buffer[body - 4 : body]) if masked else None
        self._consume(end)
        return Frame(
            opcode=first & 0x0F,
            payload=apply_mask(payload, mask) if mask is not None else payload,
            fin=first >= 0x80,
            rsv=first >> 4 & 7,
            mask=mask,
            length_form=_form(width, length),
            declared_length=length if length > self.max_payload_bytes else None,
        )

    def _consume(self, end: int) -> None:
        self._wanted = 2
        if end == len(self._buffer):
            self._buffer.clear()
            self._start = 0
        elif end >= _COMPACT_BYTES:
            del self._buffer[:end]
            self._start = 0
        else:
            self._start = end


def _form(width: int, length: int) -> LengthForm:
    form = LengthForm.BITS64 if width == 8 else LengthForm.BITS16 if width else LengthForm.BITS7
    return LengthForm.MINIMAL if form is minimal_form(length) else form

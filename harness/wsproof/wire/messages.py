"""Assembler from frames to messages (RFC 6455 5.4).

It joins fragments, checks text as it arrives, and decompresses.
"""

from __future__ import annotations

from wsproof.wire.audit import Breach, breach
from wsproof.wire.codes import Opcode
from wsproof.wire.deflate import Inflater
from wsproof.wire.events import BinaryMessage, MessageDropped, TextMessage
from wsproof.wire.frames import Frame
from wsproof.wire.utf8 import Utf8Validator

__all__ = ["Assembler"]

Message = TextMessage | BinaryMessage | MessageDropped


class Assembler:
    """Turns data frames into messages. Broken rules are added to `breaches`, and reading continues."""

    def __init__(self, breaches: list[Breach], *, max_message_bytes: int, inflater: Inflater | None) -> None:
        self._breaches = breaches
        self._max_message_bytes = max_message_bytes
        self._inflater = inflater
        self._opcode: int | None = None
        self._data = bytearray()
        self._frames = 0
        self._compressed = False
        self._utf8 = Utf8Validator()
        self._why_dropped: str | None = None

    @property
    def is_in_message(self) -> bool:
        """Whether a message has begun and its last fragment is still missing."""
        return self._opcode is not None

    def take(self, frame: Frame) -> Message | None:
        """Take the next TEXT, BINARY or CONTINUATION frame. Return the message that it completes, if any."""
        if frame.opcode == Opcode.CONTINUATION:
            if self._opcode is None:
                self._breaches.append(breach("continuation-without-start", frame.describe()))
                return None
        else:
            if self._opcode is not None:
                self._breaches.append(breach("interleaved-messages", frame.describe()))
            self._begin(frame)
        self._frames += 1
        self._add(frame)
        return self._finish() if frame.fin else None

    def _begin(self, frame: Frame) -> None:
        self._opcode = frame.opcode
        self._data = bytearray()
        self._frames = 0
        self._utf8 = Utf8Validator()
        self._why_dropped = None
        self._compressed = bool(frame.rsv & 4) and self._inflater is not None
        if self._compressed and self._inflater is not None:
            self._inflater.start_message()

    def _add(self, frame: Frame) -> None:
        if self._why_dropped is not None:
            return
        if frame.is_truncated:
            self._drop(f"a frame of {frame.declared_length} bytes is over our limit")
            return
        payload = self._inflate(frame) if self._compressed else frame.payload
        if payload is None:
            return
        if len(self._data) + len(payload) > self._max_message_bytes:
            self._drop(f"the message is over our limit of {self._max_message_bytes} bytes")
            return
        self._data += payload
        if self._opcode == Opcode.TEXT:
            was_valid = self._utf8.is_valid
            if not self._utf8.feed(payload, final=frame.fin) and was_valid:
                self._breaches.append(breach("text-utf8", frame.describe()))

    def _inflate(self, frame: Frame) -> bytes | None:
        assert self._inflater is not None
        was_broken = self._inflater.is_broken
        limit = self._max_message_bytes - len(self._data)
        result = self._inflater.inflate(frame.payload, final=frame.fin, limit_bytes=limit)
        if isinstance(result, bytes):
            return result
        if not was_broken:
            self._breaches.append(breach("deflate-data", f"{result}: {frame.describe()}"))
        self._drop(result)
        return None

    def _drop(self, why: str) -> None:
        self._why_dropped = why
        self._data = bytearray()
        if self._compressed and self._inflater is not None:
            self._inflater.is_broken = True  # the skipped data is missing from the compression window

    def _finish(self) -> Message:
        opcode, self._opcode = self._opcode, None
        data, self._data = bytes(self._data), bytearray()
        if self._why_dropped is not None:
            return MessageDropped(self._why_dropped, self._frames)
        if opcode == Opcode.TEXT:
            return TextMessage(data.decode(errors="replace"), self._frames)
        return BinaryMessage(data, self._frames)

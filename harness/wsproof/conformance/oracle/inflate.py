"""Inflates the client's own compressed messages, for the oracle and the transcript."""

from __future__ import annotations

from wsproof.wire import DeflateAgreement, Frame, Inflater, Opcode

__all__ = ["BOMB_BYTES", "InflatedMessage"]

BOMB_BYTES = 24 * 1024 * 1024
"""Bytes. A compressed message that inflates to more counts as a bomb, and is not inflated further here."""

_UNFINISHED = "the message ends inside a DEFLATE block"


class InflatedMessage:
    """Reads the data frames of one client under a compression agreement. Each frame must be legal by itself."""

    def __init__(self, agreed: DeflateAgreement) -> None:
        self._inflater = Inflater(agreed.mirrored)
        self._bytes = 0
        self.compressed = False
        """The message of the last frame is compressed."""
        self.lost = False
        """A message could not be inflated, so the context of later ones is unknown."""
        self.fault = ""
        """The reason why the message cannot be inflated, in a sentence."""

    def take(self, frame: Frame) -> bytes:
        """Return the inflated payload of a data frame; if inflating failed, it is empty and `fault` says why."""
        if frame.opcode != Opcode.CONTINUATION:
            self.compressed, self.fault, self._bytes = bool(frame.rsv & 4), "", 0
            if self.compressed:
                self._inflater.start_message()
                self.lost = self._inflater.is_broken
        if not self.compressed:
            return frame.payload
        if self.fault or self.lost or self.is_bomb:
            return b""
        inflated = self._inflater.inflate(frame.payload, final=frame.fin, limit_bytes=BOMB_BYTES - self._bytes)
        if isinstance(inflated, str):
            self.fault = inflated
            return b""
        self._bytes += len(inflated)
        return inflated

    @property
    def is_unfinished(self) -> bool:
        """The data is valid so far, but its last block is incomplete."""
        return self.fault == _UNFINISHED

    @property
    def is_bomb(self) -> bool:
        """The message exceeds `BOMB_BYTES` and is not inflated further."""
        return self._bytes > BOMB_BYTES

"""What is in the client's compressed messages: for the oracle, which must know, and for the transcript, to be read."""

from __future__ import annotations

from wsproof.wire import DeflateAgreement, Frame, Inflater, Opcode

__all__ = ["BOMB_BYTES", "InflatedMessage"]

BOMB_BYTES = 24 * 1024 * 1024
"""A compressed message that inflates to more than this is taken for a bomb, and is not inflated further here."""

_UNFINISHED = "the message ends inside a DEFLATE block"


class InflatedMessage:
    """Reads data frames of one client as a server must that made this agreement. Frames must be legal in themselves."""

    def __init__(self, agreed: DeflateAgreement) -> None:
        self._inflater = Inflater(agreed.mirrored)
        self._bytes = 0
        self.compressed = False
        """The message of the last frame is compressed."""
        self.lost = False
        """A message could not be inflated, so that nobody knows what later ones may refer to."""
        self.fault = ""
        """Why the message cannot be inflated, in a sentence."""

    def take(self, frame: Frame) -> bytes:
        """What the payload of a data frame says; see `fault` when the message could not be inflated."""
        if frame.opcode != Opcode.CONTINUATION:
            self.compressed, self.fault, self._bytes = bool(frame.rsv & 4), "", 0
            if self.compressed:
                self._inflater.start_message()
                self.lost = self._inflater.broken
        if not self.compressed:
            return frame.payload
        if self.fault or self.lost or self.is_bomb:
            return b""
        found = self._inflater.inflate(frame.payload, final=frame.fin, limit_bytes=BOMB_BYTES - self._bytes)
        if isinstance(found, str):
            self.fault = found
            return b""
        self._bytes += len(found)
        return found

    @property
    def is_unfinished(self) -> bool:
        """The data is right as far as it goes, but its last block is not complete."""
        return self.fault == _UNFINISHED

    @property
    def is_bomb(self) -> bool:
        """The message was given up since it inflates to more than anybody wants."""
        return self._bytes > BOMB_BYTES

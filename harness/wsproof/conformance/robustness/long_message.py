"""A message in very many fragments, made of content that the endpoint accepts."""

from __future__ import annotations

from dataclasses import dataclass

from wsproof.conformance.endpoint_profile import EndpointProfile, Message
from wsproof.wire import MASK, Frame, Opcode

__all__ = ["LongMessage", "long_message"]


@dataclass(frozen=True, slots=True)
class LongMessage:
    """One long message. `fragments` are all frames but the last, `last` is the content of the last one.

    `whole` is the message. None if the endpoint accepts no such message; then the client must not end it.
    """

    fragments: tuple[bytes, ...]
    last: bytes
    whole: Message | None

    def end(self) -> bytes:
        """The last fragment as bytes for the wire."""
        return Frame(Opcode.CONTINUATION, self.last, mask=MASK).encode()


def long_message(facts: EndpointProfile, count: int, size: int) -> LongMessage:
    """Make a message of `count` fragments of `size` bytes, and a last one with the rest."""
    opcode = int(Opcode.BINARY if facts.binary else Opcode.TEXT)
    payload = b"x" * (size * count + max(size, 1))  # Another rule covers empty messages.
    if facts.sample is not None:
        opcode = facts.sample.opcode
        payload = facts.sample.payload.ljust(len(payload)) if facts.pads else facts.sample.payload
    pieces = [payload[at : at + size] for at in range(0, size * count, size)] if size else [b""] * count
    if any(len(piece) < size for piece in pieces):
        pieces = [b"x" * size] * count  # The sample is too short for this many fragments.
    last = payload[size * count :]
    message = Message(opcode, b"".join(pieces) + last)
    frames = (
        Frame(Opcode.CONTINUATION if number else opcode, piece, fin=False, mask=MASK).encode()
        for number, piece in enumerate(pieces)
    )
    return LongMessage(tuple(frames), last, message if facts.accepts(message) else None)

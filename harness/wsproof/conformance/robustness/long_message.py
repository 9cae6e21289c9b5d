"""A message in very many fragments, made of what the endpoint takes."""

from __future__ import annotations

from dataclasses import dataclass

from wsproof.conformance.endpoint_profile import EndpointProfile, Message
from wsproof.wire import MASK, Frame, Opcode

__all__ = ["LongMessage", "long_message"]


@dataclass(frozen=True, slots=True)
class LongMessage:
    """`fragments` are all but the last one, `last` is the content of that one.

    `whole` is the message; None where the endpoint takes none so long: then it must not be ended.
    """

    fragments: tuple[bytes, ...]
    last: bytes
    whole: Message | None

    def end(self) -> bytes:
        """The last fragment, as bytes for the wire."""
        return Frame(Opcode.CONTINUATION, self.last, mask=MASK).encode()


def long_message(facts: EndpointProfile, count: int, size: int) -> LongMessage:
    """A message of `count` fragments of `size` bytes and a last one, which holds all the rest."""
    opcode = int(Opcode.BINARY if facts.binary else Opcode.TEXT)
    payload = b"x" * (size * count + max(size, 1))  # an empty message is for another rule
    if facts.sample is not None:
        opcode = facts.sample.opcode
        payload = facts.sample.payload.ljust(len(payload)) if facts.pads else facts.sample.payload
    pieces = [payload[at : at + size] for at in range(0, size * count, size)] if size else [b""] * count
    if any(len(piece) < size for piece in pieces):
        pieces = [b"x" * size] * count  # the sample is too short for so many fragments
    last = payload[size * count :]
    message = Message(opcode, b"".join(pieces) + last)
    frames = (
        Frame(Opcode.CONTINUATION if number else opcode, piece, fin=False, mask=MASK).encode()
        for number, piece in enumerate(pieces)
    )
    return LongMessage(tuple(frames), last, message if facts.accepts(message) else None)

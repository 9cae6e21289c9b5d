"""Messages that an endpoint accepts: scripts rewritten to send them, and long messages made of them.

For an endpoint that accepts only some messages, a rewritten script sends the sample. Its form stays: a message of three
fragments still has three. If the endpoint accepts trailing blanks, a message keeps its length, unless it is shorter
than the sample. Illegal frames stay illegal.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from wsproof.conformance.endpoint_profile import EndpointProfile, Message
from wsproof.conformance.oracle.frames import ConnectionOutcome, Expectation, expect_frames
from wsproof.conformance.rules.close import CLOSE
from wsproof.conformance.script import Script, ScriptAction, SendFrame
from wsproof.wire import MASK, DeflateAgreement, Frame, Opcode

__all__ = ["LongMessage", "in_samples", "long_message"]

_TOP_BIT = 1 << 63
_ABOUT_TEXT = ("utf8-valid", "deflate-utf8")
_ABOUT_CLOSING = frozenset(each.id for each in CLOSE)
_ABOUT_CONTROL = ("ping-answered", "pong-ignored", "mixed-frames", "other-clients-served", "half-close-ends")
"""Subjects for which control frames are enough, as they are for the subjects about closing."""


def in_samples(conversation: Script, facts: EndpointProfile) -> Script | None:
    """Return the script with messages that this endpoint accepts. None if it needs other messages."""
    if not facts.is_selective and facts.most_messages is None:
        return conversation
    said = _reworded(conversation, facts) if facts.has_messages and facts.is_selective else conversation
    if said.subject in _ABOUT_TEXT and _says_binary(facts):
        return None
    expected = _expected(said, facts)
    if _is_fit(expected, facts):
        return said
    return _without_messages(said, facts, expected)


def _expected(conversation: Script, facts: EndpointProfile) -> Expectation:
    lines = conversation.handshake.extensions or ()
    agreed = facts.agreed(lines[0]) if len(lines) == 1 else None
    return expect_frames(conversation, facts, agreed or (DeflateAgreement() if conversation.deflate else None))


def _is_fit(expected: Expectation, facts: EndpointProfile) -> bool:
    """Whether the application receives only messages that it accepts, and not too many."""
    barriers = int(facts.barrier is not None)
    if facts.most_messages is not None and len(expected.messages) + barriers > facts.most_messages:
        return False
    if not facts.is_selective:
        return True
    return not expected.is_unsure and all(map(facts.accepts, expected.messages))


def _without_messages(conversation: Script, facts: EndpointProfile, expected: Expectation) -> Script | None:
    """Remove the whole messages that the endpoint refuses. None if the rest no longer tests the subject."""
    subject = conversation.subject
    shows = expected.fate is ConnectionOutcome.FAILED or subject in _ABOUT_CLOSING or subject in _ABOUT_CONTROL
    if not shows or conversation.deflate or conversation.pipelined:
        return None
    left: list[ScriptAction] = []
    message: list[ScriptAction] = []
    for action in conversation.actions:
        if not isinstance(action, SendFrame) or action.frame.is_control:
            left.append(action)
            continue
        frame = action.frame
        if frame.opcode != Opcode.CONTINUATION:
            left += message
            message = []
        message.append(action)
        if frame.fin:
            whole = _message_of(message)
            left += message if whole is None or facts.accepts(whole) else []
            message = []
    left += message
    if not any(isinstance(action, SendFrame) for action in left):
        return None
    if left == list(conversation.actions):
        return None
    size = sum(len(action.frame.encode()) for action in left if isinstance(action, SendFrame))
    said = replace(conversation, actions=tuple(left), cuts=tuple(cut for cut in conversation.cuts if cut < size))
    return said if _is_fit(_expected(said, facts), facts) else None


def _message_of(actions: list[ScriptAction]) -> Message | None:
    """The message in these frames; None if one of them is illegal."""
    frames = [_frame(action) for action in actions]
    if not all(map(_is_legal, frames)) or frames[0].opcode not in (Opcode.TEXT, Opcode.BINARY):
        return None
    message = Message(frames[0].opcode, b"".join(frame.payload for frame in frames))
    return message if message.opcode == Opcode.BINARY or _is_utf8(message.payload) else None


def _says_binary(facts: EndpointProfile) -> bool:
    return facts.is_binary_only or (facts.sample is not None and facts.sample.opcode == Opcode.BINARY)


def _reworded(conversation: Script, facts: EndpointProfile) -> Script:
    """Replace each whole message by the sample, or by a binary message with the same bytes."""
    actions: list[ScriptAction] = list(conversation.actions)
    begun: list[int] = []
    for index, action in enumerate(actions):
        if not isinstance(action, SendFrame) or action.frame.opcode not in (
            Opcode.CONTINUATION,
            Opcode.TEXT,
            Opcode.BINARY,
        ):
            continue
        frame = action.frame
        if frame.opcode != Opcode.CONTINUATION:
            begun = [index]
        elif begun:
            begun.append(index)
        if begun and frame.fin:
            _reword(actions, begun, facts, compressed=bool(conversation.handshake.extensions))
            begun = []
    return replace(conversation, actions=tuple(actions))


def _reword(actions: list[ScriptAction], places: list[int], facts: EndpointProfile, *, compressed: bool) -> None:
    frames = [_frame(actions[index]) for index in places]
    payload = b"".join(frame.payload for frame in frames)
    first = frames[0]
    if compressed and any(frame.rsv for frame in frames):
        # The payload is compressed, so only the opcode can be changed. The oracle checks its content.
        wanted = Message(Opcode.BINARY if _says_binary(facts) else first.opcode, payload)
    elif first.opcode == Opcode.TEXT and not _is_utf8(payload):
        return  # Illegal text must stay illegal.
    elif facts.sample is None:
        wanted = Message(Opcode.BINARY, payload)
    else:
        sample = facts.sample.payload
        wanted = Message(facts.sample.opcode, sample.ljust(len(payload)) if facts.pads else sample)
    words = wanted.payload
    shift = _shift(payload, words)
    for index, frame in zip(places, frames, strict=True):
        size = len(words) if index == places[-1] else len(frame.payload) + (shift if frame is first else 0)
        piece, words = words[:size], words[size:]
        opcode = wanted.opcode if frame is first else frame.opcode
        actions[index] = SendFrame(
            replace(frame, opcode=opcode, payload=piece, declared_length=_declared(frame, piece))
        )


def _shift(payload: bytes, words: bytes) -> int:
    """Bytes by which the first fragment must be longer, to cut the first non-ASCII character at the same place."""
    at, instead = (next((at for at, byte in enumerate(data) if byte > 0x7F), -1) for data in (payload, words))
    return max(0, instead - at) if at >= 0 and instead >= 0 else 0


def _declared(frame: Frame, piece: bytes) -> int | None:
    """The declared length of the new frame.

    If the old length has its top bit set, the new one has it too.
    """
    if frame.declared_length == _TOP_BIT + len(frame.payload):
        return _TOP_BIT + len(piece)
    return frame.declared_length


def _frame(action: ScriptAction) -> Frame:
    assert isinstance(action, SendFrame)
    return action.frame


def _is_legal(frame: Frame) -> bool:
    return frame.mask is not None and not frame.rsv and frame.declared_length is None


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


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

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

__all__ = ["LongMessage", "long_message", "with_accepted_messages"]

_TOP_BIT = 1 << 63
_ABOUT_TEXT = ("utf8-valid", "deflate-utf8")
_ABOUT_CLOSING = frozenset(each.id for each in CLOSE)
_ABOUT_CONTROL = ("ping-answered", "pong-ignored", "mixed-frames", "other-clients-served", "half-close-ends")
"""Subjects for which control frames are enough, as they are for the subjects about closing."""


def with_accepted_messages(script: Script, profile: EndpointProfile) -> Script | None:
    """Return the script with messages that this endpoint accepts. None if it needs other messages."""
    if not profile.is_selective and profile.most_messages is None:
        return script
    rewritten = _with_samples(script, profile) if profile.has_messages and profile.is_selective else script
    if rewritten.subject in _ABOUT_TEXT and _sends_binary(profile):
        return None
    expected = _expected(rewritten, profile)
    if _is_fit(expected, profile):
        return rewritten
    return _without_messages(rewritten, profile, expected)


def _expected(script: Script, profile: EndpointProfile) -> Expectation:
    lines = script.handshake.extensions or ()
    agreed = profile.agreed(lines[0]) if len(lines) == 1 else None
    return expect_frames(script, profile, agreed or (DeflateAgreement() if script.deflate else None))


def _is_fit(expected: Expectation, profile: EndpointProfile) -> bool:
    """Whether the application receives only messages that it accepts, and not too many."""
    barriers = int(profile.barrier is not None)
    if profile.most_messages is not None and len(expected.messages) + barriers > profile.most_messages:
        return False
    if not profile.is_selective:
        return True
    return not expected.is_unsure and all(map(profile.accepts, expected.messages))


def _without_messages(script: Script, profile: EndpointProfile, expected: Expectation) -> Script | None:
    """Remove the whole messages that the endpoint refuses. None if the rest no longer tests the subject."""
    subject = script.subject
    shows = expected.outcome is ConnectionOutcome.FAILED or subject in _ABOUT_CLOSING or subject in _ABOUT_CONTROL
    if not shows or script.deflate or script.pipelined:
        return None
    left: list[ScriptAction] = []
    message: list[ScriptAction] = []
    for action in script.actions:
        if not isinstance(action, SendFrame) or action.frame.is_control:
            left.append(action)
            continue
        frame = action.frame
        if frame.opcode != Opcode.CONTINUATION:
            left += message
            message = []
        message.append(action)
        if frame.fin:
            complete = _message_of(message)
            left += message if complete is None or profile.accepts(complete) else []
            message = []
    left += message
    if not any(isinstance(action, SendFrame) for action in left):
        return None
    if left == list(script.actions):
        return None
    size = sum(len(action.frame.encode()) for action in left if isinstance(action, SendFrame))
    rewritten = replace(script, actions=tuple(left), cuts=tuple(cut for cut in script.cuts if cut < size))
    return rewritten if _is_fit(_expected(rewritten, profile), profile) else None


def _message_of(actions: list[ScriptAction]) -> Message | None:
    """The message in these frames; None if one of them is illegal."""
    frames = [_frame(action) for action in actions]
    if not all(map(_is_legal, frames)) or frames[0].opcode not in (Opcode.TEXT, Opcode.BINARY):
        return None
    message = Message(frames[0].opcode, b"".join(frame.payload for frame in frames))
    return message if message.opcode == Opcode.BINARY or _is_utf8(message.payload) else None


def _sends_binary(profile: EndpointProfile) -> bool:
    return profile.is_binary_only or (profile.sample is not None and profile.sample.opcode == Opcode.BINARY)


def _with_samples(script: Script, profile: EndpointProfile) -> Script:
    """Replace each whole message by the sample, or by a binary message with the same bytes."""
    actions: list[ScriptAction] = list(script.actions)
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
            _replace_message(actions, begun, profile, compressed=bool(script.handshake.extensions))
            begun = []
    return replace(script, actions=tuple(actions))


def _replace_message(
    actions: list[ScriptAction], places: list[int], profile: EndpointProfile, *, compressed: bool
) -> None:
    frames = [_frame(actions[index]) for index in places]
    payload = b"".join(frame.payload for frame in frames)
    first = frames[0]
    if compressed and any(frame.rsv for frame in frames):
        # The payload is compressed, so only the opcode can be changed. The oracle checks its content.
        replacement = Message(Opcode.BINARY if _sends_binary(profile) else first.opcode, payload)
    elif first.opcode == Opcode.TEXT and not _is_utf8(payload):
        return  # Illegal text must stay illegal.
    elif profile.sample is None:
        replacement = Message(Opcode.BINARY, payload)
    else:
        sample = profile.sample.payload
        replacement = Message(profile.sample.opcode, sample.ljust(len(payload)) if profile.pads else sample)
    rest = replacement.payload
    shift = _shift(payload, rest)
    for index, frame in zip(places, frames, strict=True):
        size = len(rest) if index == places[-1] else len(frame.payload) + (shift if frame is first else 0)
        piece, rest = rest[:size], rest[size:]
        opcode = replacement.opcode if frame is first else frame.opcode
        actions[index] = SendFrame(
            replace(frame, opcode=opcode, payload=piece, declared_length=_declared(frame, piece))
        )


def _shift(payload: bytes, rest: bytes) -> int:
    """Bytes by which the first fragment must be longer, to cut the first non-ASCII character at the same place."""
    at, new_at = (next((at for at, byte in enumerate(data) if byte > 0x7F), -1) for data in (payload, rest))
    return max(0, new_at - at) if at >= 0 and new_at >= 0 else 0


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


def long_message(profile: EndpointProfile, count: int, size: int) -> LongMessage:
    """Make a message of `count` fragments of `size` bytes, and a last one with the rest."""
    opcode = int(Opcode.BINARY if profile.binary else Opcode.TEXT)
    payload = b"x" * (size * count + max(size, 1))  # Another rule covers empty messages.
    if profile.sample is not None:
        opcode = profile.sample.opcode
        payload = profile.sample.payload.ljust(len(payload)) if profile.pads else profile.sample.payload
    pieces = [payload[at : at + size] for at in range(0, size * count, size)] if size else [b""] * count
    if any(len(piece) < size for piece in pieces):
        pieces = [b"x" * size] * count  # The sample is too short for this many fragments.
    last = payload[size * count :]
    message = Message(opcode, b"".join(pieces) + last)
    frames = (
        Frame(Opcode.CONTINUATION if number else opcode, piece, fin=False, mask=MASK).encode()
        for number, piece in enumerate(pieces)
    )
    return LongMessage(tuple(frames), last, message if profile.accepts(message) else None)

"""Simpler scripts that could explain a failure: the same messages without their unusual form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.properties.property import MASK, script_of
from wsproof.conformance.script import Handshake, Script, SendFrame
from wsproof.conformance.verify.deflate_root_cause import inflated, simpler_compressed
from wsproof.wire import Frame, Opcode

__all__ = ["PLAIN_CLIENT", "segment_per_frame", "simpler", "unfragmented"]
_LETTERS = b"abcdefghijklmnopqrstuvwxyz"
PLAIN_CLIENT = Script("other-clients-served")
"""A client that connects, sends the barrier and closes, as the first client of the probe did."""
_CONTROL_BYTES = 125
"""Longest payload of a control frame."""


def simpler(script: Script, profile: EndpointProfile) -> Iterator[Script]:
    """Yield possible root causes, the simplest first; each script is about another rule.

    First comes a client that does nothing unusual: if it is not served either, the script's form is not the cause.
    Then come single parts: each control frame alone, each message whole in one frame, and each message with its own
    mask. Then come each message in its fragments without the frames between them, all frames one by one, and each frame
    cut into segments.
    """
    yield PLAIN_CLIENT
    if script.deflate:
        yield from simpler_compressed(script, profile)
        return
    if script.handshake != Handshake() or script.pipelined or script.handshake_cuts:
        return
    frames = [action.frame for action in script.actions if isinstance(action, SendFrame)]
    yield from _single_controls(frames)
    for pieces in _messages(frames):
        opcode, payload = pieces[0].opcode, b"".join(piece.payload for piece in pieces)
        is_about_text = opcode == Opcode.TEXT and bool(payload.strip(_LETTERS))
        subject = "utf8-valid" if is_about_text else "payload-lengths"
        yield script_of(subject, Frame(opcode, payload, mask=MASK))
        if len(pieces) == 1:
            yield script_of("mask-any", *pieces)
        else:
            yield segment_per_frame(
                script_of("fragments-joined", *(replace(piece, payload=b"x" * len(piece.payload)) for piece in pieces))
            )
            yield segment_per_frame(script_of("utf8-valid" if is_about_text else "fragments-joined", *pieces))
    opcodes = {frame.opcode for frame in frames}
    if {Opcode.CONTINUATION} < opcodes & {
        Opcode.CONTINUATION,
        Opcode.PING,
        Opcode.PONG,
    } and Opcode.CLOSE not in opcodes:
        longest = max((sum(len(piece.payload) for piece in pieces) for pieces in _messages(frames)), default=0)
        is_longest = longest > profile.largest_bytes - _CONTROL_BYTES
        yield segment_per_frame(
            script_of("control-not-counted" if is_longest else "control-between-fragments", *frames)
        )
    if script.cuts:
        for frame in frames:
            size = len(frame.encode())
            short = replace(frame, opcode=Opcode.PING) if len(frame.payload) < 126 else frame
            yield script_of("segmentation", replace(short, fin=True), cuts=tuple(range(1, min(size, 16))))


def _single_controls(frames: Sequence[Frame]) -> Iterator[Script]:
    """Each legal control frame alone."""
    for frame in frames:
        if frame.mask is None or frame.rsv or frame.length_form.value != "minimal" or not frame.fin:
            continue
        if frame.opcode == Opcode.PING and len(frame.payload) < 126:
            yield script_of("ping-answered", replace(frame, mask=MASK))
        elif frame.opcode == Opcode.PONG:
            yield script_of("pong-ignored", replace(frame, mask=MASK))
        elif frame.opcode == Opcode.CLOSE and len(frame.payload) >= 2:
            yield script_of("close-answered", Frame(Opcode.CLOSE, b"\x03\xe8", mask=MASK))


def segment_per_frame(script: Script) -> Script:
    """The same frames, each in a segment of its own."""
    if script.pipelined:
        return script
    sizes = [len(action.frame.encode()) for action in script.actions if isinstance(action, SendFrame)]
    return replace(script, cuts=tuple(accumulate(sizes))[:-1])


def unfragmented(script: Script) -> Script:
    """Only the messages that the application sees, each whole in one frame and in one segment."""
    if script.deflate:
        messages = [Frame(message.opcode, message.payload, mask=MASK) for message, _ in inflated(script)]
        return segment_per_frame(script_of(script.subject, *messages))
    frames = [action.frame for action in script.actions if isinstance(action, SendFrame)]
    whole = [
        Frame(pieces[0].opcode, b"".join(piece.payload for piece in pieces), mask=MASK) for pieces in _messages(frames)
    ]
    return segment_per_frame(script_of(script.subject, *whole))


def _messages(frames: list[Frame]) -> Iterator[list[Frame]]:
    """The whole messages among these frames, as lists of their fragments."""
    pieces: list[Frame] = []
    for frame in frames:
        if frame.is_control or frame.mask is None or frame.declared_length is not None:
            continue
        if frame.opcode != Opcode.CONTINUATION:
            pieces = []
        elif not pieces:
            continue
        pieces.append(frame)
        if frame.fin:
            yield pieces
            pieces = []

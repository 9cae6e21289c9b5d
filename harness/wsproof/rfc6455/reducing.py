"""Simpler conversations that could explain a failure: what is said in them, without the way in which it was said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from wsproof.rfc6455.conversation import Conversation, Send
from wsproof.rfc6455.property import MASK, say
from wsproof.wire import Frame, Opcode

__all__ = ["ROOTS", "said_alone", "said_as_cut"]

ROOTS = frozenset({"utf8-valid", "payload-lengths"})
"""Rules that have no simpler cause."""


def said_alone(conversation: Conversation) -> Iterator[Conversation]:
    """Each message of a conversation, whole, in one frame and one segment, with nothing else around it.

    Text is charged to `utf8-valid`, what has no characters to `payload-lengths`.
    """
    frames = [action.frame for action in conversation.actions if isinstance(action, Send)]
    parts: list[bytes] = []
    opcode: int | None = None
    for frame in frames:
        if frame.is_control:
            continue
        if frame.opcode != Opcode.CONTINUATION:
            opcode, parts = frame.opcode, []
        parts.append(frame.payload)
        if frame.fin and opcode is not None:
            payload = b"".join(parts)
            subject = "utf8-valid" if opcode == Opcode.TEXT and payload else "payload-lengths"
            yield say(subject, Frame(opcode, payload, mask=MASK))
            opcode = None


def said_as_cut(conversation: Conversation) -> Iterator[Conversation]:
    """Each frame of a conversation that is cut into segments, alone and cut after its first bytes: `segmentation`."""
    if not conversation.cuts:
        return
    for action in conversation.actions:
        if isinstance(action, Send):
            size = len(action.frame.encode())
            frame = replace(action.frame, opcode=Opcode.PING) if len(action.frame.payload) < 126 else action.frame
            yield say("segmentation", replace(frame, fin=True), cuts=tuple(range(1, min(size, 16))))

"""Saying the sample: for an endpoint that takes some texts only, every legal text becomes the one it is known to take.

The shape of a conversation stays: a message of three fragments still has three, and where blanks behind the sample are
taken too it keeps its length, if it is not shorter than the sample.
"""

from __future__ import annotations

from dataclasses import replace

from wsproof.rfc6455.conversation import Action, Conversation, Send
from wsproof.rfc6455.facts import Facts
from wsproof.wire import Frame, Opcode

__all__ = ["in_samples"]


def in_samples(conversation: Conversation, facts: Facts) -> Conversation:
    """The conversation with each of its legal text messages said in words of `facts.sample`; as it is without one."""
    if facts.sample is None:
        return conversation
    actions: list[Action] = list(conversation.actions)
    begun: list[int] = []
    for index, action in enumerate(actions):
        if not isinstance(action, Send) or action.frame.is_control:
            continue
        frame = action.frame
        if frame.opcode != Opcode.CONTINUATION:
            begun = [index] if frame.opcode == Opcode.TEXT else []
        elif begun:
            begun.append(index)
        if begun and frame.fin:
            _reword(actions, begun, facts.sample, pads=facts.pads)
            begun = []
    return replace(conversation, actions=tuple(actions))


def _reword(actions: list[Action], places: list[int], sample: str, *, pads: bool) -> None:
    frames = [_frame(actions[index]) for index in places]
    text = b"".join(frame.payload for frame in frames)
    if not _is_utf8(text) or any(not _is_legal(frame) for frame in frames):
        return  # what is wrong must stay wrong
    words = sample.encode()
    if pads:
        words = words.ljust(len(text))
    for index, frame in zip(places, frames, strict=True):
        piece, words = (
            (words, b"") if index == places[-1] else (words[: len(frame.payload)], words[len(frame.payload) :])
        )
        actions[index] = Send(replace(frame, payload=piece))


def _frame(action: Action) -> Frame:
    assert isinstance(action, Send)
    return action.frame


def _is_legal(frame: Frame) -> bool:
    return frame.mask is not None and not frame.rsv and frame.declared_length is None


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True

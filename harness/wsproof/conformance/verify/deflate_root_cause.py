"""Simpler compressed scripts that could explain a failure; `root_cause` has them for plain ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from wsproof.conformance.endpoint_profile import EndpointProfile, Message
from wsproof.conformance.oracle.inflate import InflatedMessage
from wsproof.conformance.properties.deflate_blocks import Blocks
from wsproof.conformance.properties.deflate_builders import (
    agreed,
    apply_cuts,
    deflate_script,
    letters,
    literals,
    packed,
)
from wsproof.conformance.script import Script, SendFrame
from wsproof.conformance.verify.violations import SERVER_DEFLATE_RULES
from wsproof.wire import MASK, DeflateAgreement, Deflater, Frame, Opcode

__all__ = ["inflated", "simpler_compressed"]


def inflated(script: Script) -> list[tuple[Message, int]]:
    """The messages of a compressed script after inflating, each with the number of its fragments."""
    current = InflatedMessage(DeflateAgreement())
    messages: list[tuple[Message, int]] = []
    opcode, data, count = 0, b"", 0
    for action in script.actions:
        if not isinstance(action, SendFrame) or action.frame.is_control or action.frame.mask is None:
            continue
        frame = action.frame
        if frame.opcode != Opcode.CONTINUATION:
            opcode, data, count = frame.opcode, b"", 0
        data, count = data + current.take(frame), count + 1
        if frame.fin and not (current.fault or current.lost or current.is_bomb):
            messages.append((Message(opcode, data), count))
    return messages


def simpler_compressed(script: Script, profile: EndpointProfile) -> Iterator[Script]:
    """Yield possible root causes, the simplest first.

    Each text alone, then in fragments, then the same frames without cuts if a ping stands between fragments, and then
    all texts in a row.
    """
    if not profile.agreements or script.subject == "deflate-sizes":  # A script about sizes has no simpler cause.
        return
    spoken = [(message.payload, count) for message, count in inflated(script) if _is_text(message)]
    texts = list(dict.fromkeys(text for text, _ in spoken))
    for text in texts or [b"plain"]:
        yield deflate_script(profile, "deflate-mixed", Frame(Opcode.TEXT, text or b"plain", mask=MASK))
    for text in texts:
        if text:
            yield deflate_script(profile, "deflate-blocks", literals(text))
        else:
            yield deflate_script(profile, "deflate-empty", packed(Blocks()))
            yield deflate_script(profile, "deflate-empty", packed(Blocks()), packed(Blocks()))
    for text, count in spoken:
        if count > 1:
            message = literals(text)
            yield deflate_script(
                profile, "deflate-fragments", *apply_cuts(message, *range(1, min(count, len(message.payload))))
            )
    if _has_control_between_fragments(script):
        yield replace(script, subject="deflate-control-frames", cuts=())
    if len(spoken) > 1:
        yield deflate_script(profile, "deflate-context", *(literals(text) for text, _ in spoken))
        deflater = Deflater(agreed(profile))
        yield deflate_script(profile, "deflate-context", *(packed(deflater.deflate(text)) for text, _ in spoken))
    if script.subject in SERVER_DEFLATE_RULES:
        # Data that cannot be inflated under any agreement.
        yield deflate_script(profile, "server-deflate-data", literals(letters(60)))


def _has_control_between_fragments(script: Script) -> bool:
    """Whether a ping or pong stands inside a message."""
    is_inside = False
    for action in script.actions:
        if not isinstance(action, SendFrame):
            continue
        if action.frame.is_control:
            if is_inside and action.frame.opcode != Opcode.CLOSE:
                return True
        else:
            is_inside = not action.frame.fin
    return False


def _is_text(message: Message) -> bool:
    try:
        message.payload.decode()
    except UnicodeDecodeError:
        return False
    return message.opcode == Opcode.TEXT

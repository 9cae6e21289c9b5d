"""The explanation texts of findings."""

from __future__ import annotations

from wsproof.conformance.rules import Binding, rule
from wsproof.model.chapter import RuleKind
from wsproof.model.server_end import PROCESS_ENDED

__all__ = ["explain"]

# For rules that leave the choice to the server: the choice that this server makes. Either choice is legal.
_CHOICES = {
    "ping-burst": (
        "This server limits how many pings it accepts at once, as it may (10.4); a client should send fewer at once."
    ),
    "upgrade-list": (
        "This server refuses an Upgrade header that lists other protocols beside websocket; others take it."
    ),
    "key-decodes": (
        "This server accepts a Sec-WebSocket-Key that is not base64 of 16 bytes, as it may: it need not decode keys "
        "(4.2.2). Others refuse it."
    ),
    "subprotocol-unknown": (
        "This server refuses a client that offers only subprotocols it does not know; others answer without one."
    ),
    "pipelined-frames": (
        "This server does not accept frames that arrive right after the handshake. A client must wait for the answer "
        "(4.1), so the server need not read them."
    ),
    "length-minimal": "This server accepts lengths that are not minimal (5.2); others may refuse them.",
    "close-code-echoed": "This server answers a close frame with another code than the one it got; most repeat it.",
    "deflate-unfinished": (
        "This server accepts a compressed message that stops inside a DEFLATE block; others refuse it."
    ),
    "version-draft": (
        "This server accepts a draft version of the protocol, as it may if it also speaks that version (4.4)."
    ),
    "close-code-later": "This server treats a close code that was registered after RFC 6455 as an error; most do not.",
    "utf8-fail-fast": (
        "This server reads a message to its end before it refuses broken UTF-8; others refuse it at once (8.1)."
    ),
}


def explain(name: str, expected: str, got: str) -> str:
    """Explain in one or two sentences what the rule expected here and what the server did.

    `got` is a clause ("it said nothing for 2 s"). For frames that a server must not send (`server-...`), `expected` is
    the rule's sentence and `got` the evidence.
    """
    if name == PROCESS_ENDED:
        return f"After this, {got}" + ("" if got.endswith((".", "!")) else ".")
    if name in _CHOICES:
        return f"{_CHOICES[name]} Here {got}."
    if rule(name).kind is RuleKind.SERVER_FRAMES:
        return f"{expected} But here: {got}." if got else f"{expected} This server breaks that rule."
    if rule(name).level is Binding.MAY:
        return f"{rule(name).sentence} Here {got}."
    return f"Expected {expected}, but {got}."

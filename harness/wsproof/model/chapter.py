"""Suite, chapter, kind and harm of a rule, and of the checks and findings that are about it."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Chapter", "Harm", "RuleKind", "SuiteName", "with_document"]


class SuiteName(StrEnum):
    """The two shipped suites, as `--only` names them."""

    PROTOCOL = "protocol"
    CHANNELS = "channels"


class Chapter(StrEnum):
    """Topics of the checks, in the order in which a connection meets them."""

    HANDSHAKE = "handshake"
    FRAMING = "framing"
    MASKING = "masking"
    FRAGMENTATION = "fragments"
    CONTROL = "control"
    CLOSE = "close"
    UTF8 = "UTF-8"
    DEFLATE = "deflate"
    ROBUSTNESS = "robustness"
    CHANNELS = "channels"

    @property
    def suite(self) -> SuiteName:
        """The suite that checks this topic."""
        return SuiteName.CHANNELS if self is Chapter.CHANNELS else SuiteName.PROTOCOL


class RuleKind(StrEnum):
    """The kind of a rule."""

    REACTION = "reaction"
    """The server's reaction to what a client sends."""
    SERVER_FRAMES = "server-frames"
    """A byte sequence that a server must never send. Every client of wsproof checks it, on any connection."""
    SERVICE = "service"
    """A server keeps running and keeps serving others, whatever one client does."""
    DELIVERY = "delivery"
    """A promise of a channel to its members."""


def with_document(section: str) -> str:
    """Document and section, such as "RFC 6455 5.5.1" or "RFC 7692 7.1". A bare number is a section of RFC 6455.

    A rule that is in no RFC has a word instead of a section.
    """
    return f"RFC 6455 {section}" if section[0].isdigit() else section


class Harm(StrEnum):
    """The harm that a fault does. Findings are shown in the order of these members."""

    PROCESS_DIED = "process-died"
    OTHERS_NOT_SERVED = "others-not-served"
    DATA = "data-lost-or-altered"
    MUST = "must"
    SHOULD = "should"
    INFORMATION = "information"

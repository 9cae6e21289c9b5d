"""Chapter and kind of findings and checks in documents that do not state them.

Current documents have fields for both. Older ones, and files of known deviations, have only a section and a name.
"""

from __future__ import annotations

from wsproof.model.chapter import Chapter, RuleKind
from wsproof.model.former_names import current_check

__all__ = ["chapter_of_section", "kind_of"]

# The longest matching prefix of a section counts. Security-only text of RFC 6455 (10) belongs to robustness.
_BEGINNINGS = {
    "1.4": Chapter.CLOSE,
    "4": Chapter.HANDSHAKE,
    "5": Chapter.FRAMING,
    "5.1": Chapter.MASKING,
    "5.3": Chapter.MASKING,
    "5.4": Chapter.FRAGMENTATION,
    "5.5": Chapter.CONTROL,
    "5.5.1": Chapter.CLOSE,
    "5.6": Chapter.UTF8,
    "6": Chapter.FRAMING,
    "7": Chapter.CLOSE,
    "8": Chapter.UTF8,
    "9": Chapter.HANDSHAKE,
    "10": Chapter.ROBUSTNESS,
    "11": Chapter.HANDSHAKE,
    "RFC 7692": Chapter.DEFLATE,
    "RFC 9110": Chapter.HANDSHAKE,
    "RFC 9112": Chapter.HANDSHAKE,
    "liveness": Chapter.ROBUSTNESS,
    "robustness": Chapter.ROBUSTNESS,
}


def chapter_of_section(section: str) -> Chapter | None:
    """Return the chapter of a section ("5.5.1", "RFC 7692 7.1", "chat").

    Returns None for "-", the section of checks that were not run.
    """
    if section == "-":
        return None
    own = section.removeprefix("RFC 6455 ")
    words = [own.rpartition(" ")[0]] if own.startswith("RFC ") else own.split(".")
    for length in range(len(words), 0, -1):
        if (chapter := _BEGINNINGS.get(".".join(words[:length]))) is not None:
            return chapter
    return Chapter.CHANNELS


def kind_of(check: str, section: str) -> RuleKind:
    """Return the kind of the rule that a check is about, by the names that the first documents used."""
    if chapter_of_section(section) is Chapter.CHANNELS:
        return RuleKind.DELIVERY
    if check.startswith("server-"):
        return RuleKind.SERVER_FRAMES
    serves = current_check(check) in ("process-ended", "other-clients-served") or check.startswith("served-")
    return RuleKind.SERVICE if serves else RuleKind.REACTION

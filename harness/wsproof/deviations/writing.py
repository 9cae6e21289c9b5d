"""Writes findings as a file of known deviations, with empty reasons to fill in."""

from __future__ import annotations

import json
from collections.abc import Iterable

from wsproof.model.finding import Anomaly, Finding

__all__ = ["deviations_file"]

_HEAD = (
    "# Known deviations. Give each a reason, or delete it: an entry without a reason is refused.\n"
    "# Use it with --known-deviations FILE.\n"
)
"""Comment at the top of the file."""


def deviations_file(findings: Iterable[Finding]) -> str:
    """A TOML file with the findings that count and are not known yet."""
    counting = [each for each in findings if each.accepted is None and each.anomaly is not Anomaly.UNKNOWN]
    rows = {(each.check, each.section): each for each in counting if each.level.counts}
    return _HEAD + "".join(map(_entry, rows.values()))


def _entry(finding: Finding) -> str:
    """One `[[deviation]]` table."""
    seen = " ".join("".join(char if char.isprintable() else " " for char in finding.explanation).split())
    lines = [
        "",
        f"# {seen}",
        "[[deviation]]",
        f"check = {_quoted(finding.check)}",
        f"section = {_quoted(finding.section)}",
        'reason = ""',
    ]
    times, _, tries = (finding.reproduced or "").partition(" of ")
    if tries and times != tries:
        lines.append("intermittent = true")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A text as a TOML string."""
    return json.dumps(text)  # TOML basic strings use the escapes of JSON

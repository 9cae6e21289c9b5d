"""Findings as a file of known deviations, with the reasons left to fill in."""

from __future__ import annotations

import json
from collections.abc import Iterable

from wsproof.model.finding import Anomaly, Finding

__all__ = ["deviations_file"]

_HEAD = (
    "# Known deviations. Give each a reason, or delete it: an entry without a reason is refused.\n"
    "# Use it with --known-deviations FILE.\n"
)


def deviations_file(findings: Iterable[Finding]) -> str:
    """A TOML file of the findings that count; those that are known already are left out."""
    counting = [each for each in findings if each.accepted is None and each.anomaly is not Anomaly.UNKNOWN]
    rows = {(each.check, each.section): each for each in counting if each.level.counts}
    return _HEAD + "".join(map(_entry, rows.values()))


def _entry(finding: Finding) -> str:
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
    return json.dumps(text)  # a TOML basic string has the escapes of JSON

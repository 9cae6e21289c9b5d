"""Reads and writes files of known deviations (TOML).

One table per deviation:

    [[deviation]]
    check = "host-required"
    section = "4.2.1"
    reason = "why it is accepted here"
    upstream = "the issue of the library's project"
    matches = ["got: .* 404"]               (optional: regular expressions that the finding's evidence must match)
    implies = ["version-named"]             (optional: rules that the same cause breaks; known only with this one)
    versions = { websockets = ">=17" }      (optional: only on these versions)
    without = ["httptools"]                 (optional: only if this package is not installed)
    intermittent = true                     (optional: it occurs in some runs, and not in every repetition)
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from wsproof.deviations.deviation import Deviation, is_range
from wsproof.errors import UsageError
from wsproof.model.finding import Anomaly, Finding
from wsproof.model.former_names import current_check

__all__ = ["deviations_file", "load_deviations", "parse_deviation"]

_TEXTS = ("check", "section", "reason", "upstream")
_LISTS = ("matches", "implies", "without")
_FIELDS = {*_TEXTS, *_LISTS, "intermittent", "versions"}
_HEAD = (
    "# Known deviations. Give each a reason, or delete it: an entry without a reason is refused.\n"
    "# Use it with --known-deviations FILE.\n"
)
"""Comment at the top of the file."""


def load_deviations(path: Path) -> tuple[Deviation, ...]:
    """Read a file of known deviations.

    Raises:
        UsageError: the file cannot be read, or an entry is invalid.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get("deviation", [])
    except OSError as error:
        raise UsageError(
            f"cannot read the known deviations in {path}: {error.strerror}. Name a TOML file; "
            "`wsproof check --write-accepted FILE` begins one"
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"expected {path} to be a TOML file of known deviations, but: {error}") from error
    if not isinstance(tables, list):
        raise UsageError(f"expected {path} to hold [[deviation]] tables. It needs check, section and a reason in each")
    return tuple(parse_deviation(str(path), number, table) for number, table in enumerate(tables, start=1))


def parse_deviation(source: str, number: int, table: Any) -> Deviation:
    """Parse one `[[deviation]]` table.

    Raises:
        UsageError: a field is missing, unknown, or of the wrong type.
    """
    fields = table if isinstance(table, dict) else {}
    missing = [name for name in ("check", "section", "reason") if not str(fields.get(name, "")).strip()]
    unknown = sorted(set(fields) - _FIELDS)
    place = f"[[deviation]] number {number} in {source}"
    if missing or unknown:
        mistake = f"lacks {', '.join(missing)}" if missing else f"has unknown keys: {', '.join(unknown)}"
        raise UsageError(f"{place} {mistake}. It needs check, section and a reason")
    intermittent = fields.get("intermittent", False)
    if not isinstance(intermittent, bool):
        raise UsageError(f"{place}: expected intermittent to be true or false")
    lists: dict[str, Any] = {name: _list(place, name, fields.get(name, [])) for name in _LISTS}
    lists["implies"] = tuple(map(current_check, lists["implies"]))
    _require_patterns(place, lists["matches"])
    return Deviation(
        check=current_check(str(fields["check"])),
        section=str(fields["section"]),
        reason=str(fields["reason"]),
        upstream=str(fields.get("upstream", "")),
        intermittent=intermittent,
        versions=_versions(place, fields.get("versions", {})),
        **lists,
    )


def _list(place: str, name: str, value: Any) -> tuple[str, ...]:
    """A field as a list of strings."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise UsageError(f'{place}: expected {name} to be a list of texts such as ["..."], got {value!r}')
    return tuple(value)


def _require_patterns(place: str, patterns: tuple[str, ...]) -> None:
    """Check that all patterns are regular expressions."""
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise UsageError(f"{place}: expected regular expressions in matches, but {pattern!r}: {error}") from error


def _versions(place: str, value: Any) -> dict[str, str]:
    """The field `versions` as a mapping of packages to version ranges."""
    if not isinstance(value, dict) or not all(isinstance(text, str) and is_range(text) for text in value.values()):
        raise UsageError(f'{place}: expected versions such as {{ websockets = ">=17,<18" }}, got {value!r}')
    return dict(value)


def deviations_file(findings: Iterable[Finding]) -> str:
    """A TOML file with the findings that count and are not known yet."""
    counting = [each for each in findings if each.accepted is None and each.anomaly is not Anomaly.UNKNOWN]
    rows = {(each.check, each.section): each for each in counting if each.level.counts}
    return _HEAD + "".join(map(_entry, rows.values()))


def _entry(finding: Finding) -> str:
    """One `[[deviation]]` table."""
    explanation = " ".join("".join(char if char.isprintable() else " " for char in finding.explanation).split())
    lines = [
        "",
        f"# {explanation}",
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

"""One known deviation: the findings that it covers, and the versions to which it applies."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import eq, ge, gt, le, lt

from wsproof.model.finding import Finding

__all__ = ["Deviation", "also_broken", "in_range", "is_range"]

_Release = tuple[int, ...]
_OPERATORS: dict[str, Callable[[_Release, _Release], bool]] = {">=": ge, "<=": le, "==": eq, ">": gt, "<": lt}
_PART = re.compile(r"\s*(>=|<=|==|>|<)\s*(\d+(?:\.\d+)*)\s*")


@dataclass(frozen=True, slots=True)
class Deviation:
    """One known deviation. `upstream` is a reference, or says that none was found.

    `matches` restricts it to some evidence: each regular expression must match the explanation or a line of the
    witness. `implies` names rules that the same cause breaks. They are known only together with this deviation.
    `versions` maps packages to version ranges, and `without` lists packages that must not be installed.

    An intermittent deviation is a race. It covers only findings that did not recur in every repetition, and its absence
    is not reported. `library` names the library and its version. It is empty for the user's own file.
    """

    check: str
    section: str
    reason: str
    upstream: str = ""
    intermittent: bool = False
    matches: tuple[str, ...] = ()
    implies: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    library: str = ""

    def covers(self, finding: Finding) -> bool:
        """Whether this finding is the deviation."""
        named = finding.check == self.check and finding.section == self.section
        return named and self._fits(finding) and (not self.intermittent or _is_intermittent(finding))

    def shows_in(self, finding: Finding) -> bool:
        """Whether the deviation occurred: as this finding, or as another effect of the finding's cause."""
        return self.covers(finding) or self.check in also_broken(finding)

    def applies_to(self, installed: Mapping[str, str]) -> bool:
        """Whether the deviation applies to these installed versions."""
        ranges = all(in_range(installed.get(name), wanted) for name, wanted in self.versions.items())
        return ranges and not any(name in installed for name in self.without)

    def explained(self) -> str:
        """The reason, with the reference."""
        return f"{self.reason} ({self.upstream})" if self.upstream else self.reason

    def _fits(self, finding: Finding) -> bool:
        """Whether every pattern matches the finding's evidence."""
        evidence = (finding.explanation, *finding.witness)
        return all(any(re.search(pattern, line) for line in evidence) for pattern in self.matches)


def also_broken(finding: Finding) -> tuple[str, ...]:
    """The other rules that a finding's cause breaks."""
    return tuple((finding.recipe or {}).get("also", ()))


def _is_intermittent(finding: Finding) -> bool:
    """Whether a finding was repeated and did not recur every time."""
    times, _, tries = (finding.reproduced or "").partition(" of ")
    return bool(tries) and times != tries


def is_range(versions: str) -> bool:
    """Whether a text is a version range."""
    return all(_PART.fullmatch(part) for part in versions.split(","))


def in_range(version: str | None, versions: str) -> bool:
    """Whether a version lies in a range. False for a package that is not installed."""
    if version is None:
        return False
    release = _release(version)
    parts = [_PART.fullmatch(part) for part in versions.split(",")]
    return all(part is not None and _OPERATORS[part[1]](release, _release(part[2])) for part in parts)


def _release(version: str) -> _Release:
    """`17.4.0rc1` as (17, 4): the leading numbers, without trailing zeros."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(number) for number in match[0].split(".")] if match else []
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)

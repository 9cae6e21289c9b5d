"""One known deviation: which findings it covers, and on which versions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from wsproof.deviations.versions import in_range
from wsproof.model.finding import Finding

__all__ = ["Deviation", "also_broken"]


@dataclass(frozen=True, slots=True)
class Deviation:
    """One known deviation. `upstream` is a reference, or says that none was found.

    `matches` narrows it to a kind of evidence: each regular expression must be found in the explanation or in a line of
    the witness. `implies` names rules that the same cause breaks, which are known only together with this one.
    `versions` maps packages to version ranges; `without` lists packages that must not be installed.
    An intermittent deviation is a race: it covers only a finding that could not be repeated each time, and is not
    missed when it does not show. `library` names the library and its version; it is empty for the user's own file.
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
        return named and self._fits(finding) and (not self.intermittent or _comes_and_goes(finding))

    def shows_in(self, finding: Finding) -> bool:
        """Whether the deviation showed: as the finding, or as something that the finding's cause breaks as well."""
        return self.covers(finding) or self.check in also_broken(finding)

    def applies_to(self, installed: Mapping[str, str]) -> bool:
        """Whether these installed versions have it."""
        ranges = all(in_range(installed.get(name), wanted) for name, wanted in self.versions.items())
        return ranges and not any(name in installed for name in self.without)

    def explained(self) -> str:
        """The reason, with the reference."""
        return f"{self.reason} ({self.upstream})" if self.upstream else self.reason

    def _fits(self, finding: Finding) -> bool:
        evidence = (finding.explanation, *finding.witness)
        return all(any(re.search(pattern, line) for line in evidence) for pattern in self.matches)


def also_broken(finding: Finding) -> tuple[str, ...]:
    """The other rules that are broken by the cause of a finding."""
    return tuple((finding.recipe or {}).get("also", ()))


def _comes_and_goes(finding: Finding) -> bool:
    """Whether a finding was tried again, and could not be repeated each time."""
    times, _, tries = (finding.reproduced or "").partition(" of ")
    return bool(tries) and times != tries

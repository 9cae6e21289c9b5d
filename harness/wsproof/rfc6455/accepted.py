"""Known deviations: findings that are expected of a server, each with the reason why it is lived with.

A file holds one table per deviation:

    [[deviation]]
    check = "host-required"
    section = "4.2.1"
    reason = "why it is accepted here"
    upstream = "where its project knows of it"
    intermittent = true         (only for what shows in some runs, and could not be repeated each time)

It never makes a rule weaker: the finding is shown with the reason, and a deviation that is gone is reported, so that
the file shrinks when the server gets better. It fails a run whose command names the file, and is non-strict otherwise.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wsproof.errors import UsageError
from wsproof.model.finding import Anomaly, Finding, Level, Verdict
from wsproof.model.suite import CheckRun

__all__ = ["Deviation", "apply", "load_accepted", "mark"]

_FIELDS = {"check", "section", "reason", "upstream", "intermittent"}


@dataclass(frozen=True, slots=True)
class Deviation:
    """One accepted deviation. `upstream` is a reference, or says that none was found.

    An intermittent one is a race: it covers only what could not be repeated each time, and is not missed when it does
    not show.
    """

    check: str
    section: str
    reason: str
    upstream: str = ""
    intermittent: bool = False

    def covers(self, finding: Finding) -> bool:
        """Whether this finding is the deviation."""
        named = finding.check == self.check and finding.section == self.section
        return named and (not self.intermittent or _comes_and_goes(finding))

    def shows_in(self, finding: Finding) -> bool:
        """Whether the deviation showed: as the finding, or as something that the finding's cause breaks as well."""
        return self.covers(finding) or self.check in _also(finding)


def load_accepted(path: Path) -> tuple[Deviation, ...]:
    """Read a file of deviations.

    Raises:
        UsageError: it cannot be read, or an entry lacks its check, section or reason.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get("deviation", [])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"expected {path} to be a TOML file of accepted deviations, but: {error}") from error
    return tuple(_deviation(path, number, table) for number, table in enumerate(tables, start=1))


def _deviation(path: Path, number: int, table: Any) -> Deviation:
    words = table if isinstance(table, dict) else {}
    missing = [name for name in ("check", "section", "reason") if not str(words.get(name, "")).strip()]
    unknown = sorted(set(words) - _FIELDS)
    if missing or unknown:
        what = f"lacks {', '.join(missing)}" if missing else f"has unknown words: {', '.join(unknown)}"
        raise UsageError(f"[[deviation]] number {number} in {path} {what}. It needs check, section and a reason")
    intermittent = words.get("intermittent", False)
    if not isinstance(intermittent, bool):
        raise UsageError(f"[[deviation]] number {number} in {path}: expected intermittent to be true or false")
    said = {name: str(value) for name, value in words.items() if name != "intermittent"}
    return Deviation(**said, intermittent=intermittent)


def _comes_and_goes(finding: Finding) -> bool:
    """Whether a finding was tried again, and could not be repeated each time."""
    times, _, tries = (finding.reproduced or "").partition(" of ")
    return bool(tries) and times != tries


def mark(findings: Iterable[Finding], accepted: Sequence[Deviation]) -> list[Finding]:
    """The findings, those that are accepted with the reason why."""
    return [_marked(finding, accepted) for finding in findings]


def apply(
    findings: Iterable[Finding],
    accepted: Iterable[Deviation],
    *,
    checks_run: Iterable[CheckRun],
    gone: Level = Level.NON_STRICT,
) -> list[Finding]:
    """Mark the findings that are accepted, and report what is accepted but did not show, as heavily as `gone` says.

    A deviation counts as gone only when its check was run, and could tell.
    """
    deviations = list(accepted)
    marked = mark(findings, deviations)
    told = {run.check for run in checks_run if run.verdict is not Verdict.UNKNOWN and not run.remark}
    missed = [
        deviation
        for deviation in deviations
        if not deviation.intermittent
        and _was_tried(deviation.check, told)
        and not any(deviation.shows_in(finding) for finding in marked)
    ]
    return marked + [_gone(deviation, gone) for deviation in missed]


def _also(finding: Finding) -> tuple[str, ...]:
    """The other rules that are broken by the cause of a finding."""
    return tuple((finding.recipe or {}).get("also", ()))


def _marked(finding: Finding, deviations: Sequence[Deviation]) -> Finding:
    if not set(_also(finding)) <= {deviation.check for deviation in deviations}:
        return finding  # what nobody has accepted is not hidden behind what somebody has
    for deviation in deviations:
        if deviation.covers(finding):
            known = f" ({deviation.upstream})" if deviation.upstream else ""
            return replace(finding, accepted=deviation.reason + known)
    return finding


def _was_tried(check: str, told: set[str]) -> bool:
    from wsproof.rfc6455.property import anywhere  # only here: they bring Hypothesis with them
    from wsproof.rfc6455.suite import PROPERTIES

    own = {tested.name for tested in PROPERTIES}
    everywhere = {tested.name for tested in PROPERTIES if tested.not_here is anywhere}
    # What has no property of its own (what a server sends, how it refuses) is tried by all of them together.
    return check in told if check in own else everywhere <= told


def _gone(deviation: Deviation, level: Level) -> Finding:
    return Finding(
        check=deviation.check,
        section=deviation.section,
        anomaly=Anomaly.PROTOCOL,
        level=level,
        explanation=(
            f"The accepted deviation did not show any more. Remove it from the file of accepted deviations. "
            f"It was accepted because: {deviation.reason}"
        ),
    )

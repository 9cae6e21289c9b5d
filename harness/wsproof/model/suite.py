"""Options and reports of the two shipped suites."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeAlias

from wsproof.model.chapter import Chapter, RuleKind, SuiteName
from wsproof.model.finding import Finding, Verdict, severity, verdict_of
from wsproof.model.former_names import current_check, former_checks
from wsproof.model.old_findings import chapter_of_section
from wsproof.model.schemas import CHECK_SCHEMA


@dataclass(frozen=True)
class SuiteOptions:
    """Options of a suite run. The same seed gives the same run; a time budget cuts it after a prefix.

    `only` keeps the checks whose section, name, or part of the name starts with one of its entries ("5.5", "chat",
    "delivery"). `protocol` and `channels` keep a whole suite. `examples` is the number of generated examples per
    property. `deadline_s` is the timeout for each expected message. `sample` is a message that the endpoint accepts
    (bytes: a binary message), for endpoints that refuse all others. `login` is sent before it on every connection.
    `disturb` is a command that disturbs the server, or something behind it. `quick` keeps only the channel checks
    of `delivery/catalogue.py`. `idle_s` is the time in seconds for which standing members stay at the end.
    `feed_objects` is the number of objects of each feed that are to be seen, as far as the rest of
    the budget allows it.
    """

    seed: int = 0
    examples: int = 25
    budget_s: float | None = None
    only: tuple[str, ...] = ()
    strict: bool = False
    deadline_s: float = 5.0
    sample: str | bytes | None = None
    login: tuple[str | bytes, ...] = ()
    disturb: str = ""
    quick: bool = False
    idle_s: float = 0.0
    feed_objects: int = 0

    def but(self, **changes: Any) -> SuiteOptions:
        """Return these options with some fields changed."""
        return replace(self, **changes)

    def wants(self, check: str, section: str, suite: SuiteName | None = None) -> bool:
        """Whether `--only` keeps this check of that suite."""
        names = [section, *(part for name in (check, *former_checks(check)) for part in (name, *name.split(".")))]
        return not self.only or any(word == suite or any(n.startswith(word) for n in names) for word in self.only)


@dataclass(frozen=True, slots=True)
class Figure:
    """A value that a check measured, whatever its verdict. `unit` is empty for a plain number."""

    name: str
    value: float
    unit: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the entry under `measured`."""
        return {"name": self.name, "value": float(f"{self.value:.4g}"), "unit": self.unit}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Figure:
        """The inverse of `to_json`."""
        return cls(data["name"], data["value"], data["unit"])


@dataclass(frozen=True)
class CheckRun:
    """The result of one check.

    `verdict` is the check's own. `reason` says why it is unknown or was cut short. `cause` is the check that reported
    the root cause: this check fails only where that one does. `traceback` is set if wsproof itself crashed in this
    check.
    """

    check: str
    section: str
    title: str
    verdict: Verdict
    examples: int
    seconds: float
    reason: str = ""
    measured: tuple[Figure, ...] = ()
    cause: str = ""
    traceback: str = ""
    chapter: Chapter | None = field(default=Chapter.CHANNELS, kw_only=True)
    """The topic of the check; None for a row that stands for checks of several chapters."""

    @property
    def suite(self) -> SuiteName:
        """The suite that it belongs to."""
        return self.chapter.suite if self.chapter is not None else SuiteName.PROTOCOL

    @property
    def remark(self) -> str:
        """Cause and reason in words; empty without either."""
        same = f"of the same cause as {self.cause}" if self.cause else ""
        return "; ".join(words for words in (same, self.reason) if words)

    def to_json(self) -> dict[str, Any]:
        """Return the row under `checks_run` in wsproof.check/1."""
        return {
            "check": self.check,
            "section": self.section,
            "chapter": self.chapter,
            "title": self.title,
            "verdict": self.verdict.value,
            "examples": self.examples,
            "seconds": round(self.seconds, 3),
            "reason": self.reason,
            "measured": [figure.to_json() for figure in self.measured],
            "cause": self.cause,
            "traceback": self.traceback,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CheckRun:
        """The inverse of `to_json`. The first documents had no measurements, causes and tracebacks."""
        return cls(
            check=current_check(data["check"]),
            section=data["section"],
            title=data["title"],
            verdict=Verdict(data["verdict"]),
            examples=data["examples"],
            seconds=data["seconds"],
            reason=data["reason"],
            measured=tuple(Figure.from_json(figure) for figure in data.get("measured", ())),
            cause=current_check(data.get("cause", "")),
            traceback=data.get("traceback", ""),
            chapter=_chapter_of(data),
        )


@dataclass(frozen=True, slots=True)
class NotRun:
    """A selected check that was not run to its end, and the reason. It has no verdict, and has not passed.

    `is_out_of_time`: the time budget is the reason. Otherwise the check has nothing to check on this server.
    """

    check: str
    section: str
    title: str
    reason: str
    is_out_of_time: bool = False
    chapter: Chapter | None = field(default=Chapter.CHANNELS, kw_only=True)

    def to_json(self) -> dict[str, Any]:
        """Return the row under `not_run` in wsproof.check/1."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> NotRun:
        """The inverse of `to_json`."""
        late = data.get("is_out_of_time", False)  # the first documents had only the reason
        check = current_check(data["check"])
        return cls(check, data["section"], data["title"], data["reason"], late, chapter=_chapter_of(data))


@dataclass(frozen=True)
class SuiteReport:
    """The result of a suite: one finding per root cause, the checks that ran, and those that did not.

    The suites return it, and every reporter takes it. `strict` counts non-strict findings as violations. `wall_s` is
    the elapsed time, probes and restarts included: more than the sum of the rows. `complete` is False if the run ended
    early. Findings made before that count, and no check has passed.
    """

    seed: int
    checks_run: tuple[CheckRun, ...] = ()
    findings: tuple[Finding, ...] = field(default=())
    not_run: tuple[NotRun, ...] = ()
    wall_s: float = 0.0
    complete: bool = True
    remarks: tuple[str, ...] = ()
    """Notes on the whole run, such as which messages the endpoint accepts."""
    strict: bool = False
    target: Mapping[str, Any] = field(default_factory=dict)
    """The redacted description of the server, once it is known to the caller of the suites."""

    def __add__(self, other: SuiteReport) -> SuiteReport:
        return SuiteReport(
            self.seed,
            self.checks_run + other.checks_run,
            merged_by_rule(self.findings + other.findings),
            self.not_run + other.not_run,
            self.wall_s + other.wall_s,
            self.complete and other.complete,
            self.remarks + other.remarks,
            self.strict or other.strict,
            self.target or other.target,
        )

    def but(self, **changes: Any) -> SuiteReport:
        """Return this report with some fields changed."""
        return replace(self, **changes)

    @property
    def seconds(self) -> float:
        """The elapsed time if it was recorded, else the sum of the rows."""
        return self.wall_s or sum(run.seconds for run in self.checks_run)

    @property
    def out_of_time(self) -> int:
        """The number of checks that the time budget left out."""
        return sum(row.is_out_of_time for row in self.not_run)

    @property
    def is_mostly_out_of_time(self) -> bool:
        """Whether the time budget left out more checks than were run. Then too little is known for a verdict."""
        return self.out_of_time > len(self.checks_run)

    def verdict(self, *, strict: bool | None = None) -> Verdict:
        """Return the worst of all findings and of all checks with an unknown verdict.

        `strict` overrides the report's own option.

        UNKNOWN if nothing was run, or if the run is incomplete or mostly out of time, and no finding is worse.
        """
        if not (self.checks_run or self.findings):
            return Verdict.UNKNOWN
        unknown = Verdict.worst(run.verdict for run in self.checks_run if run.verdict is Verdict.UNKNOWN)
        if not self.complete or self.is_mostly_out_of_time:
            unknown = Verdict.UNKNOWN
        return Verdict.worst([unknown, verdict_of(self.findings, strict=self.strict if strict is None else strict)])

    def to_json(self) -> dict[str, Any]:
        """Return the report as the document wsproof.check/1."""
        return {
            "schema": CHECK_SCHEMA,
            "verdict": self.verdict().value,
            "strict": self.strict,
            "target": dict(self.target),
            "seed": self.seed,
            "checks_run": [run.to_json() for run in self.checks_run],
            "not_run": [row.to_json() for row in self.not_run],
            "remarks": list(self.remarks),
            "findings": [finding.to_json() for finding in sorted(self.findings, key=severity)],
            "wall_s": round(self.wall_s, 3),
            "complete": self.complete,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SuiteReport:
        """The inverse of `to_json`.

        Raises:
            KeyError, ValueError: `data` is not a wsproof.check/1.
        """
        return cls(
            seed=data["seed"],
            checks_run=tuple(CheckRun.from_json(row) for row in data["checks_run"]),
            findings=tuple(Finding.from_json(row) for row in data["findings"]),
            not_run=tuple(NotRun.from_json(row) for row in data.get("not_run", ())),
            wall_s=data.get("wall_s", 0.0),
            complete=data.get("complete", True),
            remarks=tuple(data.get("remarks", ())),
            strict=data.get("strict", False),
            target=data["target"],
        )


def _chapter_of(row: Mapping[str, Any]) -> Chapter | None:
    """The chapter of a check's row. The first documents had only sections."""
    if "chapter" not in row:
        return chapter_of_section(row["section"])
    return Chapter(row["chapter"]) if row["chapter"] is not None else None


def merged_by_rule(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Merge the findings about frames on the wire: one finding per rule, with the sum of the occurrences.

    The first finding is kept. Rules in the `also` of its recipe count as reported, too.
    """
    merged: list[Finding] = []
    at: dict[str, int] = {}
    for finding in findings:
        if finding.kind is RuleKind.SERVER_FRAMES and finding.check in at:
            first = merged[at[finding.check]]
            merged[at[finding.check]] = replace(first, occurrences=first.occurrences + finding.occurrences)
            continue
        for rule in (finding.check, *(finding.recipe or {}).get("also", ())):
            at.setdefault(rule, len(merged))
        merged.append(finding)
    return tuple(merged)


Keep: TypeAlias = Callable[[SuiteReport], None]
"""Callback that gets the current report of a suite at each change.

The last of these reports is the one that the suite returns.
"""


def keep_nothing(report: SuiteReport) -> None:
    """A `Keep` for callers that need only the final report."""

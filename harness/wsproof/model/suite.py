"""What the two shipped suites are asked, and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeAlias

from wsproof.model.finding import Anomaly, Finding, Verdict, verdict_of

ON_THE_WIRE = "server-"
"""How the names of those checks begin that say what no server may ever send: every client of the harness makes them."""


class SuiteName(StrEnum):
    """The two shipped suites, as `--only` names them."""

    PROTOCOL = "protocol"
    CHANNELS = "channels"


@dataclass(frozen=True)
class SuiteOptions:
    """How hard a suite looks. The same seed gives the same run; with a budget, the same prefix of it.

    `only` keeps the checks whose name, a part of it, or section starts with one of its entries ("5.5", "chat",
    "delivery"); `protocol` and `channels` keep a whole suite. `examples` is the number of generated examples per
    property. `deadline_s` bounds every wait for something that is owed. `sample` is a message that the endpoint
    accepts, for endpoints that refuse any other (bytes: a binary one); `login` is sent before it on every connection.
    `offered` is what a member of the channel sends, the last one a message and those before it a login, for an endpoint
    that refuses plain texts.
    """

    seed: int = 0
    examples: int = 25
    budget_s: float | None = None
    only: tuple[str, ...] = ()
    strict: bool = False
    deadline_s: float = 5.0
    sample: str | bytes | None = None
    login: tuple[str | bytes, ...] = ()
    offered: tuple[str | bytes, ...] = ()

    def but(self, **changes: Any) -> SuiteOptions:
        """These options with some changed."""
        return replace(self, **changes)

    def wants(self, check: str, section: str, suite: SuiteName | None = None) -> bool:
        """Whether `--only` keeps this check, which belongs to that suite."""
        names = [check, section, *check.split(".")]
        return not self.only or any(word == suite or any(n.startswith(word) for n in names) for word in self.only)


@dataclass(frozen=True, slots=True)
class Figure:
    """Something that a check measured: worth knowing, whatever its verdict. `unit` is empty for a bare number."""

    name: str
    value: float
    unit: str = ""

    def to_json(self) -> dict[str, Any]:
        """One entry of `measured`."""
        return {"name": self.name, "value": float(f"{self.value:.4g}"), "unit": self.unit}


@dataclass(frozen=True)
class CheckRun:
    """One check that was run: `verdict` is its own, `reason` says why it is unknown or was cut short.

    `cause` is another check whose finding tells what this one saw: it fails only where that one does. `traceback` is
    there where wsproof itself crashed in this check.
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

    @property
    def remark(self) -> str:
        """Its cause and its reason in words; empty where there is nothing to say."""
        same = f"of the same cause as {self.cause}" if self.cause else ""
        return "; ".join(words for words in (same, self.reason) if words)

    def to_json(self) -> dict[str, Any]:
        """One row of `checks_run` in wsproof.check/1."""
        return {
            "check": self.check,
            "section": self.section,
            "title": self.title,
            "verdict": self.verdict.value,
            "examples": self.examples,
            "seconds": round(self.seconds, 3),
            "reason": self.reason,
            "measured": [figure.to_json() for figure in self.measured],
            "cause": self.cause,
            "traceback": self.traceback,
        }


@dataclass(frozen=True, slots=True)
class NotRun:
    """A check that was asked for and not run (to its end), and why: it has no verdict, and has not passed."""

    check: str
    section: str
    title: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        """One row of `not_run` in wsproof.check/1."""
        return asdict(self)


@dataclass(frozen=True)
class SuiteReport:
    """What a suite ran and what it found, one finding per root cause; and what it did not come to.

    `wall_s` is the time that passed meanwhile, probing and restarts included: more than the sum of the rows. `complete`
    is False where something ended the run before its time: what was found by then counts, and nothing has passed.
    """

    seed: int
    checks_run: tuple[CheckRun, ...] = ()
    findings: tuple[Finding, ...] = field(default=())
    not_run: tuple[NotRun, ...] = ()
    wall_s: float = 0.0
    complete: bool = True
    remarks: tuple[str, ...] = ()
    """What a user should know of the whole run, such as which messages the endpoint takes."""

    def __add__(self, other: SuiteReport) -> SuiteReport:
        return SuiteReport(
            self.seed,
            self.checks_run + other.checks_run,
            told_once(self.findings + other.findings),
            self.not_run + other.not_run,
            self.wall_s + other.wall_s,
            self.complete and other.complete,
            self.remarks + other.remarks,
        )

    @property
    def seconds(self) -> float:
        """How long it took: by the clock on the wall where that was recorded, else the sum of the rows."""
        return self.wall_s or sum(run.seconds for run in self.checks_run)

    def verdict(self, *, strict: bool = False) -> Verdict:
        """The worst of the findings and of the checks that could not tell; UNKNOWN when nothing was run, or not to its
        end."""
        if not (self.checks_run or self.findings):
            return Verdict.UNKNOWN
        unknown = Verdict.worst(run.verdict for run in self.checks_run if run.verdict is Verdict.UNKNOWN)
        if not self.complete:
            unknown = Verdict.UNKNOWN
        return Verdict.worst([unknown, verdict_of(self.findings, strict=strict)])


def told_once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, each deviation on the wire once: the first, with the occurrences of all that met the same rule."""
    kept: list[Finding] = []
    at: dict[str, int] = {}
    for finding in findings:
        on_the_wire = finding.anomaly is Anomaly.PROTOCOL and finding.check.startswith(ON_THE_WIRE)
        if on_the_wire and finding.check in at:
            first = kept[at[finding.check]]
            kept[at[finding.check]] = replace(first, occurrences=first.occurrences + finding.occurrences)
            continue
        for rule in (finding.check, *(finding.recipe or {}).get("also", ())):
            at.setdefault(rule, len(kept))
        kept.append(finding)
    return tuple(kept)


Keep: TypeAlias = Callable[[SuiteReport], None]
"""Takes what a suite knows by now, as often as there is news: the last of these reports is what it returns."""


def keep_nothing(report: SuiteReport) -> None:
    """For callers who want the report at the end only."""

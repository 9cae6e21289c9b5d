"""Annotations for GitHub Actions: lines on a step's output that a pull request then shows.

GitHub calls these lines workflow commands: `::error file=app.py,line=7,title=lost::MESSAGE`. It shows ten of each
level per step. A finding is shown at a line of the app if the server's output has a traceback through the workspace.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path

from wsproof.model.comparison import Comparison
from wsproof.model.finding import Finding, Level, Verdict
from wsproof.model.record import RunRecord
from wsproof.report.text.comparison import comparison_sentence
from wsproof.report.text.run import Tone, level_of, standing, tone_of, tone_of_run, verdict_sentence
from wsproof.report.text.sanitize import clean

MOST = 10
"""Annotations of one level that GitHub shows for a step."""
FRAME = re.compile(r'File "([^"]+)", line (\d+)')
INSTALLED = {"site-packages", "dist-packages"}


class AnnotationLevel(StrEnum):
    """How GitHub marks an annotation."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Place:
    """A line of a file in the workspace."""

    file: str
    line: int


@dataclass(frozen=True)
class Annotation:
    """One annotation, and the place in the app to which it belongs, if there is one."""

    level: AnnotationLevel
    title: str
    message: str
    place: Place | None = None

    def __str__(self) -> str:
        """The workflow command."""
        where = {"file": self.place.file, "line": str(self.place.line)} if self.place else {}
        properties = ",".join(f"{name}={_property(value)}" for name, value in {**where, "title": self.title}.items())
        return f"::{self.level.value} {properties}::{_escaped(clean(self.message))}"


def run_annotations(record: RunRecord, workspace: Path) -> list[Annotation]:
    """One annotation per finding that counts and per objective that was not met, or why the run cannot tell."""
    strict = record.check is not None and record.check.strict
    made = [*_of_findings(record.findings, workspace, strict=strict), *_of_objectives(record)]
    if not made and tone_of_run(record) is Tone.UNSURE:
        made = [Annotation(AnnotationLevel.WARNING, f"wsproof {record.command}", verdict_sentence(record))]
    return _limited(made)


def finding_annotations(findings: Iterable[Finding], workspace: Path, *, strict: bool = False) -> list[Annotation]:
    """One annotation per finding that counts."""
    return _limited(_of_findings(findings, workspace, strict=strict))


def comparison_annotations(comparison: Comparison, workspace: Path) -> list[Annotation]:
    """The verdict, if it is neither the same nor better, and each new finding."""
    made = list(_of_findings(comparison.findings, workspace, strict=False))
    tone = tone_of(comparison.verdict)
    if tone is not Tone.GOOD:
        level = AnnotationLevel.ERROR if tone is Tone.BAD else AnnotationLevel.WARNING
        made.insert(0, Annotation(level, "wsproof compare", comparison_sentence(comparison)))
    return _limited(made)


def _of_findings(findings: Iterable[Finding], workspace: Path, *, strict: bool) -> Iterator[Annotation]:
    for finding in standing(findings):
        verdict = finding.verdict(strict=strict)
        if verdict is Verdict.VALID and finding.level is not Level.NON_STRICT:
            continue
        level = AnnotationLevel.ERROR if verdict is Verdict.INVALID else AnnotationLevel.WARNING
        title = f"{finding.check} ({finding.section}, {level_of(finding)})"
        message = "\n".join([finding.explanation, *([finding.replay] if finding.replay else [])])
        yield Annotation(level, title, message, place_in(finding.server_output, workspace))


def _of_objectives(record: RunRecord) -> Iterator[Annotation]:
    for outcome in record.objectives:
        if outcome.met is not True:
            level = AnnotationLevel.ERROR if outcome.met is False else AnnotationLevel.WARNING
            yield Annotation(level, f"objective {outcome.objective}", outcome.sentence or outcome.objective)


def place_in(server_output: Iterable[str], workspace: Path) -> Place | None:
    """The innermost line of the traceback that is in the workspace and not in an installed package."""
    frames = [match for line in server_output for match in FRAME.finditer(line)]
    for match in reversed(frames):
        path = Path(match[1])
        if path.is_relative_to(workspace) and not INSTALLED & set(path.parts):
            return Place(path.relative_to(workspace).as_posix(), int(match[2]))
    return None


def _limited(annotations: Iterable[Annotation]) -> list[Annotation]:
    made = list(annotations)
    return [each for level in AnnotationLevel for each in islice((one for one in made if one.level is level), MOST)]


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(clean(text)).replace(":", "%3A").replace(",", "%2C")

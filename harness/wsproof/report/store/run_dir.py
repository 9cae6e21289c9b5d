"""The folder of one run, and of one comparison."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

from wsproof.errors import UsageError
from wsproof.model.comparison import Comparison, Judgement, MetricComparison
from wsproof.model.finding import Finding
from wsproof.model.record import COMPARE_SCHEMA, RunRecord, TrustWarning
from wsproof.report.store.atomic import dumps, write_json, write_text

RUN_FILE = "run.json"
COMPARE_FILE = "compare.json"
PAGE_FILE = "page.html"

Value = TypeVar("Value")


@dataclass(frozen=True)
class RunDir:
    """One run. `command` is the verb that made it, empty for a folder that was found."""

    path: Path
    command: str = ""

    @property
    def id(self) -> str:
        """The folder's name: `UTC-branch-sha-random`."""
        return self.path.name

    @property
    def columns(self) -> Path:
        """Where raw samples lie."""
        return self.path / "columns"

    @property
    def page(self) -> Path:
        """Where the page is written."""
        return self.path / PAGE_FILE

    @property
    def server_log(self) -> Path:
        """Where all lies that the server wrote, if it was started here."""
        return self.path / "server.log"

    def write(self, record: RunRecord) -> None:
        """Keep the record as it is now; may be called as often as there is news."""
        write_json(self.path / RUN_FILE, record.to_json())

    def read(self) -> RunRecord:
        """The record.

        Raises:
            UsageError: there is none, or it is damaged.
        """
        return _read(self.path / RUN_FILE, RunRecord.from_json)

    def keep_findings(self, findings: Iterable[Finding], target: Mapping[str, Any]) -> tuple[Finding, ...]:
        """Keep findings in files; those that can be repeated come back with the line that repeats them."""
        return tuple(self.keep_finding(finding, target)[0] for finding in findings)

    def keep_finding(self, finding: Finding, target: Mapping[str, Any]) -> tuple[Finding, Path]:
        """As `keep_findings`, for one; and its file."""
        return _keep(self.path, finding, target)

    def keep_crash(self, check: str, traceback: str) -> Path:
        """Keep the traceback of a check in which wsproof itself crashed."""
        place = self.path / "crashes"
        place.mkdir(exist_ok=True)
        path = place / f"{_file_name(check)}.txt"
        write_text(path, traceback)
        return path

    def write_page(self) -> Path:
        """Write the page of the record that is stored, and say where.

        Raises:
            UsageError: the record cannot be read.
        """
        from wsproof.report.formats.page import run_page  # Jinja2 is loaded only when a page is written

        write_text(self.page, run_page(self.read(), self))
        return self.page


@dataclass(frozen=True)
class ComparisonDir:
    """One comparison."""

    path: Path

    @property
    def id(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def page(self) -> Path:
        """Where the page is written."""
        return self.path / PAGE_FILE

    def write(self, comparison: Comparison) -> None:
        """Keep the comparison."""
        write_json(self.path / COMPARE_FILE, comparison.to_json())

    def read(self) -> Comparison:
        """The comparison.

        Raises:
            UsageError: there is none, or it is damaged.
        """
        return _read(self.path / COMPARE_FILE, comparison_from_json)

    def write_page(self) -> Path:
        """Write the page of the comparison that is stored, and say where."""
        from wsproof.report.formats.page import comparison_page  # likewise

        write_text(self.page, comparison_page(self.read()))
        return self.page


def comparison_from_json(data: Mapping[str, Any]) -> Comparison:
    """The inverse of `Comparison.to_json`.

    Raises:
        ValueError: `data` is of another schema.
    """
    if data.get("schema") != COMPARE_SCHEMA:
        raise ValueError(f"expected a document of schema {COMPARE_SCHEMA}, got {data.get('schema')!r}")
    parts = {
        "verdict": Judgement(data["verdict"]),
        "metrics": tuple(MetricComparison.from_json(row) for row in data["metrics"]),
        "findings": tuple(Finding.from_json(finding) for finding in data["findings"]),
        "warnings": tuple(TrustWarning.from_json(warning) for warning in data["warnings"]),
    }
    return Comparison(**({f.name: data[f.name] for f in fields(Comparison) if f.name in data} | parts))


def _read(path: Path, make: Callable[[Mapping[str, Any]], Value]) -> Value:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path.parent.name} holds no {path.name}: the run ended before it could write one") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path.parent.name}/{path.name}: {error}") from error
    if not isinstance(data, dict):
        raise UsageError(f"cannot read {path.parent.name}/{path.name}: expected an object, got {type(data).__name__}")
    try:
        return make(data)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        said = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise UsageError(f"cannot read {path.parent.name}/{path.name}: {said}") from error


def _add_finding(folder: Path, finding: Finding, target: Mapping[str, Any] | None) -> Path:
    data = finding.to_json() | ({"target": dict(target)} if target is not None else {})
    # The line that repeats it holds this file's name, so it takes no part in making it.
    named = blake2b(dumps(data | {"replay": None}).encode(), digest_size=4).hexdigest()
    place = folder / "findings"
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{_file_name(finding.check) or 'finding'}-{named}.json"
    write_json(path, data)
    return path


def _keep(folder: Path, finding: Finding, target: Mapping[str, Any]) -> tuple[Finding, Path]:
    path = _add_finding(folder, finding, target)
    if finding.recipe is None or finding.replay is not None:
        return finding, path
    kept = replace(finding, replay=f"wsproof replay {shlex.quote(_near(path))}")
    _add_finding(folder, kept, target)
    return kept, path


def _file_name(check: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", check).strip("-")[:50]


def _near(path: Path) -> str:
    """The path as one would type it from here."""
    here = Path(os.getcwd())
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)

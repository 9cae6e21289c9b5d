"""The directory of one run, and of one comparison."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from wsproof.errors import UsageError
from wsproof.model.comparison import Comparison, Judgement, MetricComparison, RoundTrace
from wsproof.model.finding import Finding
from wsproof.model.record import RunRecord
from wsproof.model.schemas import COMPARE_SCHEMA
from wsproof.model.summary import TrustWarning
from wsproof.model.type_check import require_types
from wsproof.report.store.atomic import dumps, write_json, write_text

RUN_FILE = "run.json"
COMPARE_FILE = "compare.json"
PAGE_FILE = "page.html"

Value = TypeVar("Value")


@dataclass(frozen=True)
class RunDir:
    """The directory of one run. `command` is the subcommand that made it; empty if the directory was found on disk."""

    path: Path
    command: str = ""

    @property
    def id(self) -> str:
        """The directory's name: `UTC-branch-sha-random`."""
        return self.path.name

    @property
    def columns(self) -> Path:
        """Directory of the raw samples."""
        return self.path / "columns"

    @property
    def page(self) -> Path:
        """Path of the HTML page."""
        return self.path / PAGE_FILE

    @property
    def server_log(self) -> Path:
        """Path of the server's complete output, if wsproof started the server."""
        return self.path / "server.log"

    def write(self, record: RunRecord) -> None:
        """Write the record. May be called again whenever it changes."""
        write_json(self.path / RUN_FILE, record.to_json())

    def read(self) -> RunRecord:
        """Read the record.

        Raises:
            UsageError: the file is missing or damaged.
        """
        return _read(self.path / RUN_FILE, RunRecord.from_json)

    def keep_findings(self, findings: Iterable[Finding], target: Mapping[str, Any]) -> tuple[Finding, ...]:
        """Write findings to files. Those that can be replayed are returned with their replay command."""
        return tuple(self.keep_finding(finding, target)[0] for finding in findings)

    def keep_finding(self, finding: Finding, target: Mapping[str, Any]) -> tuple[Finding, Path]:
        """Write one finding to a file. Return the finding, with its replay command if it has one, and the file."""
        return _keep(self.path, finding, target)

    def keep_crash(self, check: str, traceback: str) -> Path:
        """Write the traceback of a check in which wsproof itself crashed."""
        place = self.path / "crashes"
        place.mkdir(exist_ok=True)
        path = place / f"{_file_name(check)}.txt"
        write_text(path, traceback)
        return path


@dataclass(frozen=True)
class ComparisonDir:
    """The directory of one comparison."""

    path: Path

    @property
    def id(self) -> str:
        """The directory's name."""
        return self.path.name

    @property
    def page(self) -> Path:
        """Path of the HTML page."""
        return self.path / PAGE_FILE

    def write(self, comparison: Comparison) -> None:
        """Write the comparison."""
        write_json(self.path / COMPARE_FILE, comparison.to_json())

    def read(self) -> Comparison:
        """Read the comparison.

        Raises:
            UsageError: the file is missing or damaged.
        """
        return _read(self.path / COMPARE_FILE, comparison_from_json)


def comparison_from_json(data: Mapping[str, Any]) -> Comparison:
    """The inverse of `Comparison.to_json`.

    Raises:
        ValueError: `data` has another schema.
    """
    if data.get("schema") != COMPARE_SCHEMA:
        raise ValueError(f"expected a document of schema {COMPARE_SCHEMA}, got {data.get('schema')!r}")
    parts = {
        "verdict": Judgement(data["verdict"]),
        "metrics": tuple(MetricComparison.from_json(row) for row in data["metrics"]),
        "findings": tuple(Finding.from_json(finding) for finding in data["findings"]),
        "warnings": tuple(TrustWarning.from_json(warning) for warning in data["warnings"]),
        "traces": tuple(RoundTrace.from_json(trace) for trace in data.get("traces", ())),
    }
    return Comparison(**({f.name: data[f.name] for f in fields(Comparison) if f.name in data} | parts))


def _read(path: Path, make: Callable[[Mapping[str, Any]], Value]) -> Value:
    """Read a JSON file and convert it. Raises UsageError if it is missing or damaged."""
    data = read_object(path)
    try:
        value = make(data)
        require_types(value)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        problem = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise UsageError(f"cannot read {path.parent.name}/{path.name}: {problem}") from error
    return value


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON file of a run that holds an object.

    Raises:
        UsageError: the file is missing, damaged, or holds something else.
    """
    name = f"{path.parent.name}/{path.name}"
    try:
        data = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except FileNotFoundError:
        raise UsageError(f"{path.parent.name} has no {path.name}: the run ended before it could write one") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"cannot read {name}: {error}") from error
    if not isinstance(data, dict):
        raise UsageError(f"cannot read {name}: expected an object, got {type(data).__name__}")
    return data


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _add_finding(folder: Path, finding: Finding, target: Mapping[str, Any] | None) -> Path:
    """Write a finding to a file that is named after its check and its content."""
    data = finding.to_json() | ({"target": dict(target)} if target is not None else {})
    # The replay command contains the file's name, so it is left out of the hash.
    named = blake2b(dumps(data | {"replay": None}).encode(), digest_size=4).hexdigest()
    place = folder / "findings"
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{_file_name(finding.check) or 'finding'}-{named}.json"
    write_json(path, data)
    return path


def _keep(folder: Path, finding: Finding, target: Mapping[str, Any]) -> tuple[Finding, Path]:
    """Write a finding, with its replay command if it has a recipe."""
    path = _add_finding(folder, finding, target)
    if finding.recipe is None or finding.replay is not None:
        return finding, path
    stored = replace(finding, replay=f"wsproof replay {shlex.quote(_near(path))}")
    _add_finding(folder, stored, target)
    return stored, path


def _file_name(check: str) -> str:
    """A check's name as part of a file name."""
    return re.sub(r"[^A-Za-z0-9]+", "-", check).strip("-")[:50]


def _near(path: Path) -> str:
    """The path, relative to the current directory if it is inside."""
    cwd = Path(os.getcwd())
    return str(path.relative_to(cwd)) if path.is_relative_to(cwd) else str(path)

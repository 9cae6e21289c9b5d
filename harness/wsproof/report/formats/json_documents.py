"""The published JSON documents.

Builds and reads `wsproof.check/1`. The JSON Schemas of all documents are in `schemas/`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from importlib.resources import files
from typing import Any

from wsproof.errors import UsageError
from wsproof.model.finding import Finding, Verdict, severity
from wsproof.model.record import BENCHES_SCHEMA, CHECK_SCHEMA, COMPARE_SCHEMA, RUN_SCHEMA
from wsproof.model.server_table import MATRIX_SCHEMA
from wsproof.model.suite import CheckRun, Figure, NotRun, SuiteReport

SCHEMAS = {
    RUN_SCHEMA: "wsproof.run.1.json",
    CHECK_SCHEMA: "wsproof.check.1.json",
    COMPARE_SCHEMA: "wsproof.compare.1.json",
    MATRIX_SCHEMA: "wsproof.matrix.1.json",
    BENCHES_SCHEMA: "wsproof.benches.1.json",
}
"""The file of each schema, by the name in a document's `schema` field."""


def check_document(
    target: Mapping[str, Any],
    report: SuiteReport,
    strict: bool = False,
) -> dict[str, Any]:
    """The result of `wsproof check` as `wsproof.check/1`.

    `target` is the redacted description of the running server.
    """
    return {
        "schema": CHECK_SCHEMA,
        "verdict": report.verdict(strict=strict).value,
        "strict": strict,
        "target": dict(target),
        "seed": report.seed,
        "checks_run": [run.to_json() for run in report.checks_run],
        "not_run": [one.to_json() for one in report.not_run],
        "remarks": list(report.remarks),
        "findings": [finding.to_json() for finding in sorted(report.findings, key=severity)],
        "wall_s": round(report.wall_s, 3),
        "complete": report.complete,
    }


def suite_report_of(document: Mapping[str, Any]) -> SuiteReport:
    """The inverse of `check_document`.

    Raises:
        KeyError, ValueError: `document` is not a wsproof.check/1.
    """
    return SuiteReport(
        document["seed"],
        tuple(_check_run(row) for row in document["checks_run"]),
        tuple(Finding.from_json(one) for one in document["findings"]),
        tuple(NotRun(**row) for row in document.get("not_run", ())),
        document.get("wall_s", 0.0),
        document.get("complete", True),
        tuple(document.get("remarks", ())),
    )


_ADDED = {"measured", "cause", "traceback"}
"""Fields that older documents lack."""


def _check_run(row: Mapping[str, Any]) -> CheckRun:
    """A check's row from JSON."""
    values = {field.name: row[field.name] for field in fields(CheckRun) if field.name not in _ADDED}
    # The first versions of the document had no figures, causes and tracebacks.
    measured = tuple(Figure(**figure) for figure in row.get("measured", ()))
    added = {"measured": measured, "cause": row.get("cause", ""), "traceback": row.get("traceback", "")}
    return CheckRun(**(values | added | {"verdict": Verdict(row["verdict"])}))


def load_schema(name: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a document, by the name in its `schema` field: "wsproof.run/1".

    Raises:
        UsageError: there is no such schema.
    """
    if name not in SCHEMAS:
        raise UsageError(f"there is no schema {name!r}; there are {', '.join(SCHEMAS)}")
    text = files("wsproof.report").joinpath("schemas", SCHEMAS[name]).read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema

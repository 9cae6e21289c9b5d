"""The results of one load on several servers, or of several workloads: one row each.

Written for the terminal, as Markdown, and as `wsproof.benches/2`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from wsproof.model.record import RunRecord
from wsproof.model.schemas import BENCHES_SCHEMA
from wsproof.report.figures import figure
from wsproof.report.text.run import tone_of_run
from wsproof.report.text.sanitize import clean_line, markdown_row, markdown_text
from wsproof.report.text.units import for_reader

COLUMNS = (
    ("deliveries/s", "deliveries_per_s", "value"),
    ("latency p50", "latency", "p50"),
    ("p99", "latency", "p99"),
    ("time to last p50", "time_to_last", "p50"),
    ("p99", "time_to_last", "p99"),
    ("CPU/delivery", "server_cpu_per_delivery", "value"),
    ("memory/connection", "memory_per_connection", "value"),
    ("reach", "reach", "mean"),
)
"""Title, metric and statistic of each column."""
SERVER = "server"
"""The kind of a row by default."""
NOTE = (
    "Each row was measured once, one after the other, so a small difference may be noise (`wsproof compare` decides). "
    "Figures marked ? are void."
)
"""The note below the table."""

WIDEST = 400
"""Maximum width of the table, in characters."""


@dataclass(frozen=True)
class Bench:
    """One row: its name, and its run or the reason why there is none. `failed`: it was tried, and did not start."""

    name: str
    record: RunRecord | None = None
    reason: str = ""
    failed: bool = False


def benches_document(benches: Sequence[Bench], *, what: str = SERVER) -> dict[str, Any]:
    """The table as JSON. `what` is the key for the name of a row."""
    return {
        "schema": BENCHES_SCHEMA,
        "runs": [{what: bench.name, "run": bench.record.to_json()} for bench in benches if bench.record is not None],
        "not_run": [{what: bench.name, "reason": bench.reason} for bench in benches if bench.record is None],
    }


def show_benches(console: Console, benches: Sequence[Bench], *, what: str = SERVER, note: str = NOTE) -> None:
    """Print the table."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in _header(what):
        table.add_column(heading, justify="left" if heading in ("", what) else "right", no_wrap=True)
    for row in _rows(benches):
        table.add_row(*(Text(clean_line(cell)) for cell in row))
    # Use the full width: a wrapped line can still be read, but cut-off names and figures cannot.
    table.width = Measurement.get(console, console.options.update(max_width=WIDEST), table).maximum
    console.print(table, crop=False)
    for bench in benches:
        if bench.record is None:
            console.print(Text(f"– {bench.name}: {clean_line(bench.reason)}"), soft_wrap=True)
    console.print(Text(note), soft_wrap=True, style="dim")


def benches_markdown(benches: Sequence[Bench], *, what: str = SERVER, note: str = NOTE) -> str:
    """The table as Markdown, below the plan of each workload."""
    lines = []
    for plan in _plans(benches):
        rate = "a closed loop" if plan.get("loop") == "closed" else f"{plan['rate_hz']:g} publications per second"
        lines += [
            f"{plan['workload']}: {plan['subscribers']:,} subscribers, {rate}, {plan['payload_bytes']} bytes, "
            f"{plan['duration_s']:g} s.",
            "",
        ]
    header = _header(what)
    lines += [markdown_row(header), "| --- | --- |" + " ---: |" * (len(header) - 2)]
    lines += [markdown_row(map(markdown_text, row)) for row in _rows(benches)]
    lines += [
        "",
        *(f"- {bench.name}: {markdown_text(bench.reason)}" for bench in benches if bench.record is None),
        "",
        note,
    ]
    return "\n".join(lines) + "\n"


def _plans(benches: Sequence[Bench]) -> list[Mapping[str, Any]]:
    """The plan of each workload."""
    by_workload = {bench.record.plan["workload"]: bench.record.plan for bench in benches if bench.record is not None}
    return list(by_workload.values())


def _header(row_title: str) -> list[str]:
    return ["", row_title, *(title for title, _, _ in COLUMNS)]


def _rows(benches: Sequence[Bench]) -> list[list[str]]:
    return [
        [
            tone_of_run(bench.record).sign,
            bench.name,
            *(_cell(bench.record, name, statistic) for _, name, statistic in COLUMNS),
        ]
        for bench in benches
        if bench.record is not None
    ]


def _cell(record: RunRecord, name: str, statistic: str) -> str:
    summary = record.metrics.get(name)
    return for_reader(None, "1") if summary is None else figure(summary, statistic)

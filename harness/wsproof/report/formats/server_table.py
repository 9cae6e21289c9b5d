"""The table of servers and chapters, for the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from wsproof.model.finding import Finding, Verdict
from wsproof.model.server_table import ChapterCounts, ServerRunState, ServerTable, ServerTableRow, by_check
from wsproof.report.formats.terminal import STYLES
from wsproof.report.text.run import Tone, count, level_of, tone_of
from wsproof.report.text.sanitize import clean_line, markdown_row, markdown_text
from wsproof.report.text.units import duration

LEGEND = "✓ nothing found   ✗ violations   ~ non-strict   a accepted deviations   ? undecided checks"
"""Explains the signs."""
SIGNS = (("violations", "✗"), ("non_strict", "~"), ("accepted", "a"), ("unknown", "?"))
"""The sign of each count in a cell."""
NAMES = (
    ("violations", "violations"),
    ("non_strict", "non-strict"),
    ("accepted", "accepted"),
    ("unknown", "undecided"),
)
"""The label of each count."""
NOT_ASKED = "–"
"""A cell without checks."""


def cell_text(cell: ChapterCounts | None) -> str:
    """One cell: `✗2 a1`, `✓`, or a dash if no check of the chapter was selected."""
    if cell is None:
        return NOT_ASKED
    parts = [f"{sign}{number}" for name, sign in SIGNS if (number := getattr(cell, name))]
    return " ".join(parts) or Tone.GOOD.sign


def show_matrix(console: Console, matrix: ServerTable) -> None:
    """Print the table, the findings that count, and the result."""
    rows = list(_rows(matrix))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    console.print()
    for row, style in zip(rows, ["bold", *map(_style, matrix.rows)], strict=True):
        line = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        _say(console, line.rstrip(), style)
    _say(console, f"\n{LEGEND}\n{versions_line(matrix)}", "dim")
    for (section, check), findings in by_check(matrix.rows, accepted=False).items():
        servers = ", ".join(server for server, _ in findings)
        _say(console, f"\n{level_of(findings[0][1]).upper()}  {section}  {check}: {servers}", "bold")
        _say(console, f"  {findings[0][1].explanation}")
        for line in filter(None, (finding.replay for _, finding in findings)):
            _say(console, f"  replay: {line}")
    _say(console, f"\n{verdict_line(matrix)}", STYLES[tone_of(matrix.verdict)])


def verdict_line(matrix: ServerTable) -> str:
    """The result of all servers in one line."""
    tally = {verdict: sum(row.verdict is verdict for row in matrix.rows) for verdict in Verdict}
    parts = [f"{number} {verdict.value}" for verdict, number in reversed(tally.items()) if number]
    for state, label in (
        (ServerRunState.FAILED, "not started"),
        (ServerRunState.NOT_INSTALLED, "not installed"),
        (ServerRunState.NOT_RUN, "not run"),
    ):
        if number := sum(row.state is state for row in matrix.rows):
            parts.append(f"{number} {label}")
    return f"{count(len(matrix.rows), 'server')}: {', '.join(parts)}"


def matrix_markdown(matrix: ServerTable) -> str:
    """The table with versions and date, the findings that count, and accepted deviations with reasons."""
    rows = list(_rows(matrix))
    tone = tone_of(matrix.verdict)
    lines = [
        f"## {tone.sign} wsproof check: {markdown_text(str(matrix.target.get('spec')))} on {verdict_line(matrix)}",
        "",
        f"{matrix.started_utc}, seed {matrix.seed}; {markdown_text(versions_line(matrix))}. Signs: {LEGEND}.",
        "",
        markdown_row(rows[0]),
        "| --- |" + " :---: |" * (len(rows[0]) - 2) + " --- |",
    ]
    for row in rows[1:]:
        lines.append(markdown_row(map(markdown_text, row)))
    for title, accepted in (("Findings", False), ("Accepted deviations", True)):
        by_rule = by_check(matrix.rows, accepted=accepted)
        if by_rule:
            lines += ["", f"### {title}", ""]
            lines += [line for (section, check), servers in by_rule.items() for line in _told(section, check, servers)]
    return "\n".join(lines) + "\n"


def _told(section: str, check: str, findings: list[tuple[str, Finding]]) -> Iterator[str]:
    """One line per explanation of a check's findings, with the servers that it applies to."""
    by_text: dict[str, list[str]] = {}
    for server, finding in findings:
        by_text.setdefault(finding.accepted or finding.explanation, []).append(server)
    for text, servers in by_text.items():
        name = f"**{markdown_text(section)} {markdown_text(check)}**"
        yield f"- {name} ({markdown_text(', '.join(servers))}): {markdown_text(text)}"


def _rows(matrix: ServerTable) -> Iterator[list[str]]:
    chapters = matrix.chapters()
    yield ["server", *(chapter.value for chapter in chapters), "verdict"]
    for row in matrix.rows:
        yield [row.server, *(cell_text(row.cells.get(chapter)) for chapter in chapters), _ending(row)]


def _ending(row: ServerTableRow) -> str:
    if row.verdict is None:
        return clean_line(row.reason.splitlines()[0] if row.reason else row.state.value)
    return f"{row.verdict.value}, {duration(row.seconds)}"


def verdict_of_row(row: ServerTableRow) -> str:
    """One server in one line: its verdict and the numbers of findings."""
    cells = row.cells.values()
    counts = [f"{number} {label}" for name, label in NAMES if (number := sum(getattr(cell, name) for cell in cells))]
    return f"{row.server}: {_ending(row)}" + (f": {', '.join(counts)}" if counts else "")


def versions_line(matrix: ServerTable) -> str:
    """The versions that ran: "Python 3.11.7, daphne 4.2.3, ..."."""
    versions = {name: version for row in matrix.rows for name, version in row.versions.items()}
    python = str(matrix.machine.get("python", "")).removeprefix("CPython ")
    return ", ".join([f"Python {python}", *(f"{name} {versions[name]}" for name in sorted(versions))])


def _style(row: ServerTableRow) -> str:
    return STYLES[tone_of(row.verdict)] if row.verdict is not None else STYLES[Tone.NONE]


def _say(console: Console, text: str, style: str = "") -> None:
    console.print(Text("\n".join(clean_line(line) for line in text.split("\n")), style=style), soft_wrap=True)

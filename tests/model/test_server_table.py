"""Tests of servers by chapter: each section has a chapter, each finding a kind, and the worst server decides."""

from __future__ import annotations

from typing import Any

import pytest

from wsproof import Finding, Level, Verdict
from wsproof.model.chapter import Chapter, SuiteName
from wsproof.model.finding import Anomaly
from wsproof.model.old_findings import chapter_of_section, kind_of
from wsproof.model.server_table import (
    ChapterCounts,
    ServerRunState,
    ServerTable,
    ServerTableRow,
    by_check,
    cells_of,
)
from wsproof.model.suite import CheckRun, SuiteReport

CHAPTERS = {"5.2": Chapter.FRAMING, "8.1": Chapter.UTF8, "chat": Chapter.CHANNELS}


def finding(section: str, level: Level = Level.VIOLATION, **changes: Any) -> Finding:
    values: dict[str, Any] = {"check": f"check-{section}", "anomaly": Anomaly.PROTOCOL, "explanation": "It did not."}
    values["chapter"] = CHAPTERS[section]
    return Finding(**{**values, "section": section, "level": level, **changes})


def run(section: str, verdict: Verdict = Verdict.VALID) -> CheckRun:
    return CheckRun(f"check-{section}", section, "a title", verdict, 1, 0.5, chapter=CHAPTERS[section])


def row(server: str, *findings: Finding, verdict: Verdict = Verdict.VALID) -> ServerTableRow:
    report = SuiteReport(0, (run("5.2", verdict),), findings, target={"versions": {server: "1.0"}})
    return ServerTableRow(server, f"{server}, a server", ServerRunState.CHECKED, "", report, "a-run")


def matrix(*rows: ServerTableRow) -> ServerTable:
    return ServerTable({"spec": "shop:app"}, "2026-11-22T12:00:00+00:00", {"python": "CPython 3.11.7"}, 0, False, rows)


GONE = ServerTableRow("daphne", "daphne (Twisted)", ServerRunState.NOT_INSTALLED, "not installed: pip install daphne")
BROKEN = ServerTableRow("granian", "granian (Rust)", ServerRunState.FAILED, "expected granian to listen, but it ended")


@pytest.mark.parametrize(
    ("section", "chapter"),
    [
        ("4.2.1", Chapter.HANDSHAKE),
        ("9.1", Chapter.HANDSHAKE),
        ("11.3.1", Chapter.HANDSHAKE),
        ("RFC 9110 8.6", Chapter.HANDSHAKE),
        ("5", Chapter.FRAMING),
        ("5.2", Chapter.FRAMING),
        ("6.2", Chapter.FRAMING),
        ("5.1", Chapter.MASKING),
        ("5.3", Chapter.MASKING),
        ("5.4", Chapter.FRAGMENTATION),
        ("5.5", Chapter.CONTROL),
        ("5.5.2", Chapter.CONTROL),
        ("5.5.1", Chapter.CLOSE),
        ("RFC 6455 5.5.1", Chapter.CLOSE),
        ("1.4", Chapter.CLOSE),
        ("7.1.7", Chapter.CLOSE),
        ("8.1", Chapter.UTF8),
        ("RFC 7692 7.2.3.6", Chapter.DEFLATE),
        ("10.4", Chapter.ROBUSTNESS),
        ("liveness", Chapter.ROBUSTNESS),
        ("chat", Chapter.CHANNELS),
        ("-", None),
    ],
)
def test_each_section_belongs_to_a_chapter(section: str, chapter: Chapter | None) -> None:
    assert chapter_of_section(section) is chapter


def test_old_documents_get_the_current_chapter_and_kind_of_the_rule() -> None:
    from wsproof.conformance.rules import RULES

    assert {rule.id: chapter_of_section(rule.section) for rule in RULES} == {rule.id: rule.chapter for rule in RULES}
    assert {rule.id: kind_of(rule.id, rule.section) for rule in RULES} == {rule.id: rule.kind for rule in RULES}


def test_every_rule_of_the_suite_belongs_to_the_protocol() -> None:
    from wsproof.conformance.rules import RULES

    assert {rule.chapter.suite for rule in RULES} == {SuiteName.PROTOCOL}
    known = {rule.id for rule in RULES}
    assert {implying for rule in RULES for implying in rule.implied_by} <= known


def test_a_cell_counts_each_finding_as_one_kind() -> None:
    report = SuiteReport(
        0,
        (run("5.2"), run("5.2", Verdict.UNKNOWN), run("8.1")),
        (
            finding("5.2"),
            finding("5.2", accepted="known"),
            finding("5.2", Level.NON_STRICT),
            finding("5.2", Level.INFORMATIONAL),
            finding("5.2", Level.INFORMATIONAL, accepted="known"),
            finding("chat", anomaly=Anomaly.UNKNOWN),
        ),
    )
    assert cells_of(report) == {
        Chapter.FRAMING: ChapterCounts(checks=2, violations=1, accepted=1, non_strict=1, informational=2, unknown=1),
        Chapter.UTF8: ChapterCounts(checks=1),
        Chapter.CHANNELS: ChapterCounts(unknown=1),
    }


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        ([row("a"), row("b")], Verdict.VALID),
        ([row("a"), GONE], Verdict.VALID),
        ([row("a"), BROKEN], Verdict.UNKNOWN),
        ([GONE], Verdict.UNKNOWN),
        ([row("a"), row("b", verdict=Verdict.UNKNOWN)], Verdict.UNKNOWN),
        ([row("a", finding("5.2")), row("b", verdict=Verdict.UNKNOWN), BROKEN], Verdict.INVALID),
        ([row("a", finding("5.2", accepted="known"))], Verdict.VALID),
    ],
)
def test_the_worst_server_decides_the_verdict(rows: list[ServerTableRow], verdict: Verdict) -> None:
    assert matrix(*rows).verdict is verdict


def test_the_columns_are_the_chapters_that_were_tested_on_any_server() -> None:
    assert matrix(row("a"), row("b", finding("chat")), GONE).chapters() == [Chapter.FRAMING, Chapter.CHANNELS]


def test_findings_of_several_servers_are_grouped() -> None:
    rows = (row("a", finding("5.2")), row("b", finding("5.2"), finding("8.1", accepted="known")), GONE)
    assert [server for server, _ in by_check(rows, accepted=False)[("5.2", "check-5.2")]] == ["a", "b"]
    assert list(by_check(rows, accepted=True)) == [("8.1", "check-8.1")]

"""Tests of the server table for people and for programs, whatever the server sent."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from rich.console import Console

from tests.model.test_server_table import BROKEN, GONE, finding, matrix, row
from tests.report.samples import HOSTILE
from wsproof import Level
from wsproof.model.server_table import ChapterCounts, ServerTable
from wsproof.report.formats.json_documents import load_schema
from wsproof.report.formats.junit import matrix_junit_xml
from wsproof.report.formats.server_table import cell_text, matrix_markdown, show_matrix
from wsproof.report.store.atomic import dumps

WHOLE = matrix(
    row("wsgood"),
    row("wsbad", finding("5.2", replay="wsproof replay x.json"), finding("8.1", accepted="its library's way")),
    row("wsweak", finding("5.2", Level.NON_STRICT)),
    GONE,
    BROKEN,
)


def shown(table: ServerTable) -> str:
    out = StringIO()
    show_matrix(Console(file=out, width=40, color_system=None), table)
    return out.getvalue()


def test_a_cell_shows_its_findings_or_a_dash_if_nothing_was_checked() -> None:
    assert cell_text(ChapterCounts(checks=3)) == "✓"
    assert cell_text(None) == "–"
    counts = ChapterCounts(checks=9, violations=2, non_strict=1, accepted=3, informational=4, unknown=5)
    assert cell_text(counts) == "✗2 ~1 a3 ?5"


def test_the_terminal_has_one_line_per_server_and_the_counting_findings_below() -> None:
    lines = shown(WHOLE).splitlines()
    rows = {line.split()[0]: line for line in lines if line and line[0] != " "}
    assert rows["server"].split() == ["server", "framing", "UTF-8", "verdict"]
    assert rows["wsgood"].split()[1:3] == ["✓", "–"]
    assert rows["wsbad"].split()[1:3] == ["✗1", "a1"]
    assert rows["wsweak"].split()[1] == "~1"
    assert rows["daphne"].endswith("not installed: pip install daphne")
    assert "granian to listen" in rows["granian"]
    assert any(line.endswith("check-5.2: wsbad, wsweak") for line in lines)
    assert "  replay: wsproof replay x.json" in lines
    assert lines[-1] == "5 servers: 1 invalid, 2 valid, 1 not started, 1 not installed"


def test_markdown_has_the_table_the_versions_and_the_reasons() -> None:
    text = matrix_markdown(WHOLE)
    assert "| wsbad | ✗1 | a1 | invalid, 0.5 s |" in text
    assert "wsbad 1.0" in text
    assert "2026-11-22" in text
    assert "(wsbad): its library's way" in text


def test_the_document_fits_its_schema_and_so_does_each_answer_in_it() -> None:
    document = json.loads(dumps(WHOLE.to_json()))
    jsonschema.Draft202012Validator(load_schema("wsproof.matrix/1")).validate(document)
    for server in document["servers"]:
        if server["check"] is not None:
            jsonschema.Draft202012Validator(load_schema("wsproof.check/1")).validate(server["check"])
    schema = load_schema("wsproof.matrix/1")
    assert set(document) == set(schema["properties"])
    assert set(document["servers"][0]) == set(schema["$defs"]["server"]["properties"])
    assert set(document["servers"][0]["chapters"]["framing"]) == set(schema["$defs"]["cell"]["properties"])


@pytest.mark.parametrize(
    "spoil", [{"servers": [{"server": "x"}]}, {"chapters": ["poetry"]}, {"verdict": None}, {"extra": 1}]
)
def test_an_invalid_document_does_not_fit_the_schema(spoil: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(dumps(WHOLE.to_json())) | spoil, load_schema("wsproof.matrix/1"))


def test_junit_has_a_suite_for_each_server() -> None:
    root = ElementTree.fromstring(matrix_junit_xml(WHOLE).encode())
    suites = {suite.get("name", "").removeprefix("wsproof check "): suite for suite in root}
    assert list(suites) == ["wsgood", "wsbad", "wsweak", "daphne", "granian"]
    assert [suites[name].get("failures") for name in suites] == ["0", "1", "0", "0", "0"]
    assert suites["daphne"].find("testcase/skipped") is not None
    assert suites["granian"].get("errors") == "1"
    assert suites["granian"].find("testcase/error") is not None
    (broken,) = suites["wsbad"].findall("testcase/failure/..")
    assert broken.get("classname") == "wsproof.wsbad.5.2"


def test_text_of_the_server_adds_no_markup() -> None:
    table = matrix(row("a", *(finding("5.2", explanation=words, check=words) for words in HOSTILE)))
    text = shown(table)
    assert "\x1b" not in text
    assert "\x00" not in text
    markdown = matrix_markdown(table)
    assert "<script>" not in markdown
    ElementTree.fromstring(matrix_junit_xml(table).encode())

"""Tests that comparisons of earlier versions can be read and shown.

`old_comparisons/` holds one document of wsproof.compare/1 per design: `blocks` dates from before there were windows.
"""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from wsproof.model.comparison import BLOCKS, WINDOWS, Judgement
from wsproof.report.formats.index_page import write_index
from wsproof.report.formats.json_documents import load_schema
from wsproof.report.formats.page import write_page
from wsproof.report.store.runs import RunStore

STORED = sorted((Path(__file__).parent / "old_comparisons").glob("*.json"))


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_stored_comparison_is_read_and_has_a_page(path: Path, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    jsonschema.validate(json.loads(text), load_schema("wsproof.compare/1"))
    folder = RunStore(tmp_path).new_comparison("main", "feature")
    (folder.path / "compare.json").write_text(text, encoding="utf-8")
    comparison = folder.read()
    assert comparison.design == (WINDOWS if "windows" in path.stem else BLOCKS)
    assert comparison.verdict is Judgement.WORSE
    page = write_page(folder).read_text(encoding="utf-8")
    assert ("Round by round" in page) is (comparison.design == WINDOWS)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": "wsproof.compare/9"}', '{"schema": "wsproof.compare/1"}'])
def test_a_corrupt_comparison_is_named_and_the_others_are_listed(text: str, tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    readable, broken = store.new_comparison("main", "sound"), store.new_comparison("main", "broken")
    (readable.path / "compare.json").write_text(STORED[0].read_text(encoding="utf-8"), encoding="utf-8")
    (broken.path / "compare.json").write_text(text, encoding="utf-8")
    page = write_index(store).read_text(encoding="utf-8")
    assert broken.id in page
    assert "slow-chat" in page

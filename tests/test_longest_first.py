"""Tests that the list of the slowest test files names existing files, and sorts the tests by them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.longest_first import LONGEST, longest_first

ROOT = Path(__file__).parents[1]


def test_every_file_of_the_list_exists_and_stands_there_once() -> None:
    assert [file for file in LONGEST if not (ROOT / file).is_file()] == []
    assert len(set(LONGEST)) == len(LONGEST)


def test_the_longest_files_come_first_and_the_tests_of_a_file_keep_their_order() -> None:
    names = ["tests/a.py::b", "tests/a.py::a", f"{LONGEST[1]}::z", f"{LONGEST[1]}::y", f"{LONGEST[0]}::x"]
    items: Any = [SimpleNamespace(nodeid=name) for name in names]
    longest_first(items)
    assert [item.nodeid for item in items] == [names[4], names[2], names[3], names[0], names[1]]

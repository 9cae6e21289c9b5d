"""Tests that the list of the slowest test files names existing files, and sorts the tests by them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.longest_first import LONGEST, longest_first

ROOT = Path(__file__).parents[1]


def test_every_file_of_the_list_exists_and_is_listed_once() -> None:
    assert [file for file in LONGEST if not (ROOT / file).is_file()] == []
    assert len(set(LONGEST)) == len(LONGEST)


def make_item(nodeid: str, slow: bool = False) -> Any:
    """Return a test with this id, marked `slow` or not."""
    return SimpleNamespace(nodeid=nodeid, get_closest_marker=lambda name: name if slow else None)


def test_the_longest_files_come_first_and_the_tests_of_a_file_keep_their_order() -> None:
    names = ["tests/a.py::b", "tests/a.py::a", f"{LONGEST[1]}::z", f"{LONGEST[1]}::y", f"{LONGEST[0]}::x"]
    items = [make_item(name) for name in names]
    longest_first(items)
    assert [item.nodeid for item in items] == [names[4], names[2], names[3], names[0], names[1]]


def test_slow_tests_come_first_in_a_long_file_only() -> None:
    items = [make_item("tests/a.py::a"), make_item("tests/a.py::b", slow=True)]
    items += [make_item(f"{LONGEST[0]}::a"), make_item(f"{LONGEST[0]}::b", slow=True)]
    longest_first(items)
    names = [item.nodeid for item in items]
    assert names == [f"{LONGEST[0]}::b", f"{LONGEST[0]}::a", "tests/a.py::a", "tests/a.py::b"]

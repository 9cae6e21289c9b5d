"""Tests that the oldest runs are removed on request only, and never one that something points to."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.report import samples
from wsproof.cli import main
from wsproof.report.store.retention import RUNNING_S, remove_oldest
from wsproof.report.store.run_dir import RunDir
from wsproof.report.store.runs import RunStore


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    """Return a store with six complete runs, a to f."""
    store = RunStore(tmp_path)
    for name in "abcdef":
        folder = RunDir(tmp_path / "runs" / name)
        (folder.path / "findings").mkdir(parents=True)
        folder.write(samples.record(id=name))
    return store


def ids(store: RunStore) -> str:
    return "".join(run.id for run in store.runs())


def test_all_but_the_newest_are_removed(store: RunStore) -> None:
    removal = remove_oldest(store, 2)
    assert (ids(store), removal.removed, removal.protected) == ("ef", ("a", "b", "c", "d"), ())
    assert sorted(path.name for path in (store.root / "runs").iterdir()) == ["e", "f"]


def test_fewer_runs_than_asked_for_are_all_kept(store: RunStore) -> None:
    assert remove_oldest(store, 6).removed == ()
    assert ids(store) == "abcdef"


def test_a_run_to_which_a_link_points_is_kept_and_found_by_the_name_of_the_link(store: RunStore) -> None:
    (store.root / "baseline").symlink_to("runs/b", target_is_directory=True)
    assert store.find("baseline").id == "b"
    assert remove_oldest(store, 2).protected == ("b",)
    assert ids(store) == "bef"


def test_a_run_that_a_comparison_names_is_kept(store: RunStore) -> None:
    comparison = replace(samples.comparison(), base={"id": "a"}, candidate={"id": "c"})
    store.new_comparison("a", "c").write(comparison)
    damaged = store.new_comparison("x", "y")
    (damaged.path / "compare.json").write_text("{")
    assert remove_oldest(store, 1).protected == ("a", "c")
    assert ids(store) == "acf"


def test_a_run_that_may_still_be_running_is_kept_for_a_day(store: RunStore) -> None:
    RunDir(store.root / "runs" / "a").write(samples.record(complete=False))
    (store.root / "runs" / "b" / "run.json").write_text("{")
    for name in "ab":
        os.utime(store.root / "runs" / name, (1000.0, 1000.0))
    assert remove_oldest(store, 2, now=1000 + RUNNING_S - 1).protected == ("a", "b")
    assert remove_oldest(store, 2, now=1000 + RUNNING_S).removed == ("a", "b")


def test_the_report_removes_only_what_keep_asks_for(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--out", str(store.root)]) == 0
    assert ids(store) == "abcdef"
    assert main(["report", "--keep", "4", "--out", str(store.root)]) == 0
    assert ids(store) == "cdef"
    assert "removed 2 runs" in capsys.readouterr().err

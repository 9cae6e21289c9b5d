"""Tests of stored runs: complete, found by their usual names, and independent of each other."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.report.samples import GIT, TARGET, comparison, record, summary, violation
from wsproof import Finding, UsageError
from wsproof.cli import main
from wsproof.report.store.runs import RunStore
from wsproof.report.store.summaries import read_summaries

NO_GIT = {"branch": None, "sha": None, "dirty": None, "describe": None}


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore.open(cwd=tmp_path)


def test_outside_a_checkout_runs_are_kept_in_a_hidden_folder(tmp_path: Path) -> None:
    assert RunStore.open(cwd=tmp_path).new_run("bench", GIT).path.parent == tmp_path / ".wsproof" / "runs"


def test_inside_a_checkout_runs_are_kept_under_reports_also_from_a_folder_below(tmp_path: Path) -> None:
    (tmp_path / "harness" / "wsproof").mkdir(parents=True)
    (tmp_path / "harness" / "wsproof" / "__init__.py").touch()
    assert RunStore.open(cwd=tmp_path / "harness").new_run("run", GIT).path.parent == tmp_path / "reports" / "runs"


def test_out_selects_another_folder_and_refuses_a_file(tmp_path: Path) -> None:
    assert RunStore.open(Path("else"), tmp_path).new_run("run", GIT).path.parent == tmp_path / "else" / "runs"
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="expected a folder for --out"):
        RunStore.open(Path("file"), tmp_path)


def test_a_folder_without_write_permission_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / ".wsproof").touch()
    with pytest.raises(UsageError, match="--out"):
        RunStore.open(cwd=tmp_path).new_run("run", GIT)


def test_a_run_is_named_by_time_branch_and_commit(store: RunStore) -> None:
    folder = store.new_run("bench", GIT | {"branch": "feature/fast chat"})
    moment, *rest = folder.id.split("-")
    assert moment.endswith("Z")
    assert "-".join(rest).startswith("feature-fast-chat-8f38fc848-")


def test_a_branch_cannot_lead_out_of_the_store(store: RunStore) -> None:
    folder = store.new_run("bench", GIT | {"branch": "../../../etc"})
    assert folder.path.resolve().parent == (store.root / "runs").resolve()


def test_runs_that_begin_at_the_same_time_have_different_folders(store: RunStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: store.new_run("bench", NO_GIT), range(40)))
    assert len({folder.id for folder in folders}) == 40
    assert store.find("latest").id in {folder.id for folder in folders}
    assert not list(store.root.glob(".latest-*"))


def test_a_record_is_read_as_it_was_written(store: RunStore) -> None:
    folder = store.new_run("bench", GIT)
    folder.write(record(findings=(violation(),)))
    assert store.find(folder.id).read() == record(findings=(violation(),))


def test_a_failed_write_leaves_only_the_old_record(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = store.new_run("bench", GIT)
    folder.write(record(complete=False))
    before = sorted(path.name for path in folder.path.iterdir())

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        folder.write(record(wall_s=99.0))
    assert sorted(path.name for path in folder.path.iterdir()) == before
    assert folder.read() == record(complete=False)


def test_nan_is_written_as_null(store: RunStore) -> None:
    folder = store.new_run("bench", GIT)
    never = replace(summary(), mean=float("nan"), max=float("inf"))
    folder.write(record(metrics={"latency": never}))
    assert folder.read().metrics["latency"] == replace(summary(), mean=None, max=None)


def test_a_run_is_found_by_id_beginning_end_path_and_latest(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = store.new_run("bench", GIT), store.new_run("bench", GIT | {"branch": "other"})
    for folder in (old, new):
        folder.write(record(id=folder.id))
    assert store.find("latest").path == new.path
    assert store.find(old.id).path == old.path
    assert store.find(old.id[:-3]).path == old.path
    assert store.find(old.id.rpartition("-")[2]).path == old.path
    assert store.find(old.path).path == old.path
    assert store.find(old.path / "run.json").path == old.path
    monkeypatch.chdir(store.root)
    assert store.find("latest").path == new.path


def test_latest_survives_when_the_run_it_pointed_at_is_deleted(store: RunStore) -> None:
    old, new = store.new_run("bench", GIT), store.new_run("bench", GIT | {"branch": "zzz"})
    for path in (new.columns, new.path / "findings", new.path):
        path.rmdir()
    assert store.find().path == old.path


@pytest.mark.parametrize("ref", ["nosuch", "", "2"])
def test_a_missing_or_ambiguous_ref_is_an_error_that_lists_the_runs(store: RunStore, ref: str) -> None:
    runs = [store.new_run("bench", GIT) for _ in range(2)]
    with pytest.raises(UsageError) as caught:
        store.find(ref)
    assert all(run.id in str(caught.value) for run in runs)


def test_without_any_run_the_error_has_a_command_to_create_one(store: RunStore) -> None:
    assert store.runs() == []
    with pytest.raises(UsageError, match="wsproof run"):
        store.find()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": "wsproof.run/9"}', '{"schema": "wsproof.run/1"}', "\xff"])
def test_a_damaged_record_is_listed_as_unreadable(store: RunStore, text: str) -> None:
    good, bad = store.new_run("bench", GIT), store.new_run("bench", GIT)
    good.write(record())
    (bad.path / "run.json").write_bytes(text.encode("latin-1"))
    assert {run.id for run in store.runs()} == {good.id, bad.id}
    with pytest.raises(UsageError, match="cannot read"):
        store.find(bad.id).read()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("wall_s", "soon"),
        ("complete", 1),
        ("started_utc", None),
        ("git", []),
        ("metrics", {"latency": summary().to_json() | {"p50": "fast"}}),
        ("metrics", {"latency": 5}),
        ("findings", "none"),
        ("warnings", 3),
        ("trusted", "yes"),
        ("machine", 4),
    ],
)
def test_a_record_with_a_wrong_type_is_named_by_all_that_read_it(
    name: str, value: object, store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = store.new_run("bench", GIT)
    (folder.path / "run.json").write_text(json.dumps(record().to_json() | {name: value}), encoding="utf-8")
    for command in (["report", folder.id], ["compare", folder.id, folder.id]):
        assert main([*command, "--out", str(store.root)]) == 2
        message = capsys.readouterr().err
        assert f"cannot read {folder.id}/run.json" in message
        assert "Traceback" not in message
    for command in (["report"], ["list", "runs"]):
        assert main([*command, "--out", str(store.root)]) == 0


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "[" * 100_000])
def test_a_record_with_what_is_no_json_number_is_unreadable(text: str, store: RunStore) -> None:
    folder = store.new_run("bench", GIT)
    document = json.dumps(record().to_json() | {"wall_s": "HERE"})
    (folder.path / "run.json").write_text(document.replace('"HERE"', text), encoding="utf-8")
    with pytest.raises(UsageError, match="cannot read"):
        folder.read()
    assert [run.summary for run in read_summaries(store) if text != "1e999"] in ([], [None])


def test_a_value_that_only_the_page_notices_is_named_too(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    folder = store.new_run("bench", GIT)
    folder.write(record(git={"branch": "main", "sha": 12345, "dirty": False}))
    assert main(["report", folder.id, "--out", str(store.root)]) == 2
    assert f"cannot show {folder.id}" in capsys.readouterr().err


def test_findings_are_stored_in_files_with_the_command_that_replays_them(store: RunStore) -> None:
    folder = store.new_run("check", GIT)
    kept, silent = folder.keep_findings([violation(), violation(recipe=None, check="x")], TARGET)
    assert kept.replay is not None
    assert silent.replay is None
    word, verb, name = kept.replay.split()
    data = json.loads(Path(name).read_text())
    assert (word, verb) == ("wsproof", "replay")
    assert Finding.from_json(data) == kept
    assert data["target"] == TARGET
    assert len(list((folder.path / "findings").iterdir())) == 2


def test_a_finding_named_like_a_path_stays_in_its_folder(store: RunStore) -> None:
    folder = store.new_run("check", GIT)
    folder.keep_findings([violation(check="../../x\x00/y", recipe=None)], TARGET)
    assert [path.parent for path in store.root.rglob("*.json")] == [folder.path / "findings"]


def test_a_comparison_is_read_as_it_was_written(store: RunStore) -> None:
    folder = store.new_comparison("main", "feature/x")
    folder.write(comparison(findings=(violation(),)))
    (stored,) = store.comparisons()
    assert (stored.id, stored.read()) == (folder.id, comparison(findings=(violation(),)))

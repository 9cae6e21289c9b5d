"""Tests of a finished test: its record, its objectives and its exit code. No sockets, no server."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.scenarios.inside.inside_live import environment, two_members
from wsproof import Finding, Level, RunRecord
from wsproof.comparison.runs import compare_runs
from wsproof.load.files.history import load_history
from wsproof.locust.outcome import exit_code
from wsproof.locust.record import keep_record
from wsproof.locust.result import WorkloadResult
from wsproof.locust.session import session_of
from wsproof.locust.verdict import add_result, judge_runs, note_undecided
from wsproof.locust.workload_run import WorkloadRun
from wsproof.model.finding import Anomaly
from wsproof.model.load_summary import WorkloadLoad
from wsproof.model.summary import Summary
from wsproof.net.endpoint import parse_url
from wsproof.report.store.runs import RunStore
from wsproof.session.locust_process import Handover
from wsproof.workloads.chat import Chat

LATENCY = Summary("ns", "lower", 200, 2e6, p50=2e6, p99=9e6)
OTHER_ORDER = Finding("total-order", "chat", Anomaly.REORDERED, Level.NON_STRICT, "They hear in different orders.")


@pytest.fixture
def made(tmp_path: Path) -> Any:
    """Return the environment of a finished chat of two members."""
    made = environment()
    made.parsed_options = SimpleNamespace(ws_record=tmp_path, ws_channels="tutorial")
    for name in ("one", "two"):
        session = session_of(made)
        session.begin_test()
        room = WorkloadRun(made, Chat(), parse_url("ws://127.0.0.1:1"), rate_hz=0.001, payload_bytes=60)
        two_members(room)
        session.runs[type(name, (), {})] = room
        session.described[""] = {"spec": "shop:app", "url": "ws://127.0.0.1:1"}
        room._drain.is_waiting = lambda: False  # type: ignore[method-assign]
        for result in judge_runs(made):
            add_result(made, result)
        keep_record(made)
    return made


def records(folder: Path) -> list[RunRecord]:
    return [run.read() for run in RunStore.open(folder).runs()]


def test_a_test_leaves_a_record_like_that_of_a_bench(made: Any, tmp_path: Path) -> None:
    record = records(tmp_path)[-1]
    assert (record.command, record.complete, record.target["spec"]) == ("load", True, "shop:app")
    assert record.load is not None
    assert record.load.rooms[0].series is not None
    assert record.metrics["latency"].n == 4
    assert record.series is not None
    assert record.series.deliveries
    assert record.generator is not None
    assert record.generator.loop == "gevent"
    assert record.plan["generator"] == "locust"
    folder = session_of(made).record
    assert folder is not None
    assert len(load_history(folder / "columns").receipts) == 4
    assert "Deliveries per second" in (folder / "page.html").read_text()


def test_two_records_can_be_compared(made: Any, tmp_path: Path) -> None:
    base, candidate = records(tmp_path)
    rows = {row.metric: row for row in compare_runs(base, candidate).metrics}
    assert rows["latency_p50"].base is not None


def test_wsproof_load_keeps_the_record_itself_and_gets_the_raw_samples(made: Any, tmp_path: Path) -> None:
    session = session_of(made)
    session.handed = Handover(summary=str(tmp_path / "load.json"), columns=str(tmp_path / "columns"))
    before = len(records(tmp_path))
    keep_record(made)
    assert len(records(tmp_path)) == before
    assert len(load_history(tmp_path / "columns").receipts) == 4


def test_a_record_that_cannot_be_written_ends_nothing(
    made: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    made.parsed_options.ws_record = tmp_path / "file"
    keep_record(made)
    assert "the record could not be written" in caplog.text


# Objectives and strictness.


def judged(slo: tuple[str, ...] = (), *, strict: bool = False, findings: tuple[Finding, ...] = ()) -> Any:
    """Return the environment of a finished test of a chat and a feed, with these options."""
    made = environment()
    made.parsed_options = SimpleNamespace(ws_slo=list(slo), ws_strict=strict)
    made.runner.exceptions = {}
    feed = {"latency": Summary("ns", "lower", 0, None), "feed_spread": Summary("ns", "lower", 9, 1e6, p50=1e6)}
    add_result(made, WorkloadResult(WorkloadLoad("chat", 2, 20.0, 9, metrics={"latency": LATENCY}), findings))
    add_result(made, WorkloadResult(WorkloadLoad("dashboard", 2, metrics=feed), ()))
    note_undecided(made)
    return made


@pytest.mark.parametrize(
    ("objective", "code"),
    [
        ("p99(latency) < 10ms", None),
        ("p99(latency) < 1ms", 1),
        ("lost == 0", None),
        ("p50(feed_spread) < 2ms", None),
        ("p999(latency) < 1s", 3),
        ("max(connect_time) < 1s", 3),
    ],
)
def test_an_objective_decides_the_exit_code(objective: str, code: int | None) -> None:
    assert exit_code(judged((objective,)), None) == code


def test_an_objective_is_judged_for_the_workloads_that_have_its_metric() -> None:
    outcomes = session_of(judged(("p99(latency) < 10ms", "lost == 0"))).objectives
    assert [(one.objective.text, one.met) for one in outcomes] == [
        ("p99(latency) < 10ms", True),
        ("lost == 0", True),
        ("lost == 0", True),
    ]


def test_other_orders_fail_only_with_strict() -> None:
    assert not judged(findings=(OTHER_ORDER,)).stats.errors
    strict = judged(strict=True, findings=(OTHER_ORDER,))
    assert [row.name for row in strict.stats.errors.values()] == ["chat: total-order"]
    assert session_of(strict).results[0].load.verdict == "invalid"

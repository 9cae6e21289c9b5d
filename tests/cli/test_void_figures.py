"""Tests of the exit codes of runs with void figures, on measurements made by hand."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.stats.builders import QUIET, measurement, publish, recorder, steady
from wsproof import Audience, Contract, Measurement
from wsproof.cli import main
from wsproof.model.plan import Phase

CHAT = Contract("chat", Audience.EVERYONE)
GOOD = measurement(steady(), CHAT)
LATE = measurement(steady(latency_ms=50, slip_ms=20), CHAT)


def lossy() -> Measurement:
    """Return a run with late sends in which one delivery is lost."""
    record = recorder()
    for sequence in range(200):
        arrivals = [50.0, 50.0, None if sequence == 100 else 50.0]
        publish(record, sequence, sequence * 5, arrivals, slip_ms=20)
    return measurement(record.freeze(), CHAT)


Bench = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    """Run `wsproof bench` on these measurements instead of real ones. The last one is repeated as needed."""

    def run(*words: str, blocks: tuple[Measurement, ...]) -> tuple[int, dict[str, Any]]:
        remaining = list(blocks)

        def run_plan(*_: object, columns: Path, **__: object) -> Measurement:
            columns.mkdir(exist_ok=True)
            return remaining.pop(0) if len(remaining) > 1 else remaining[0]

        monkeypatch.setattr("wsproof.session.bench.run_plan", run_plan)
        monkeypatch.chdir(tmp_path)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            target = f"ws://127.0.0.1:{listening.getsockname()[1]}/"
            code = main(["bench", target, "--channels", "tutorial", "--out", str(tmp_path), *words])
        (kept,) = tmp_path.glob("runs/*/run.json")
        assert not list(tmp_path.glob("runs/*/columns-again"))
        record: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        return code, record

    return run


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), 0),
        (("--strict-trust",), 3),
        (("--slo", "p99(latency) < 40ms"), 3),
        (("--slo", "p99(latency) < 60ms"), 0),
        (("--slo", "p99(latency) < 20ms"), 1),
        (("--slo", "min(reach) == 1"), 0),
        (("--slo", "p99(latency) < 60ms", "--strict-trust"), 3),
    ],
)
def test_void_figures_change_the_exit_code_only_if_the_user_asked_for_them(
    bench: Bench, words: tuple[str, ...], code: int
) -> None:
    ended, record = bench(*words, blocks=(LATE,))
    assert ended == code
    assert record["trusted"] is False
    assert record["verdict"] == "valid"
    assert "p99" in record["metrics"]["latency"]["void"]


@pytest.mark.parametrize("words", [(), ("--strict-trust",), ("--slo", "p99(latency) < 40ms")])
def test_a_violation_outranks_void_figures(bench: Bench, words: tuple[str, ...]) -> None:
    ended, record = bench(*words, blocks=(lossy(),))
    assert (ended, record["verdict"]) == (1, "invalid")
    assert record["measured_again"] is None


def test_a_void_block_is_measured_again_before_the_report(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    ended, record = bench("--slo", "p99(latency) < 40ms", blocks=(LATE, GOOD))
    assert ended == 0
    assert record["trusted"] is True
    assert record["warnings"] == []
    assert record["measured_again"] == {"because": ["schedule-slip"], "kept": "second"}
    assert "measuring once more" in capsys.readouterr().out


def test_a_block_with_a_conclusive_result_is_not_measured_again(bench: Bench) -> None:
    rival = measurement(steady(), CHAT, generator=replace(QUIET, alone=False))
    ended, record = bench("--slo", "min(reach) == 1", blocks=(rival, GOOD))
    assert (ended, record["trusted"]) == (0, False)
    assert record["measured_again"] is None


def test_a_violation_of_the_second_block_counts(bench: Bench) -> None:
    ended, record = bench(blocks=(LATE, lossy()))
    assert (ended, record["verdict"]) == (1, "invalid")


def test_a_window_without_a_delivery_has_an_unknown_result(bench: Bench) -> None:
    record = recorder()
    publish(record, 0, -50, [1.0] * 3, phase=Phase.PROBE)
    ended, kept = bench(blocks=(measurement(record.freeze(), CHAT),))
    assert ended == 3
    assert "nothing-measured" in [warning["code"] for warning in kept["warnings"]]

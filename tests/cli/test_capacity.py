"""Tests of the `capacity` command. A formula replaces the runs, so that the answer is known and nothing is timed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from tests.cli.shell import only_run
from tests.load.conftest import serving
from tests.stats.builders import measurement, steady
from wsproof import Audience, Contract, Measurement, TargetError
from wsproof.cli import main
from wsproof.model.history import ProtocolNote
from wsproof.model.measurement import GeneratorUsage
from wsproof.model.plan import Plan
from wsproof.report.formats.json_documents import load_schema
from wsproof.session import capacity

QUICK, SLOW = steady(200, 10.0), steady(200, 500.0)
ROOM = Contract("chat", Audience.EVERYONE)
DEVIATION = ProtocolNote(
    0, "body-in-101", "RFC 9110 8.6", "MUST", "A 101 response has no Content-Length.", "Content-Length: 0"
)
BUSY = GeneratorUsage(cpu_share=np.array([0.97]), loop="uvloop")
SLO = ("--slo", "p99(latency) < 100ms", "--slo", "lost == 0")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving("fair") as endpoint:
        yield endpoint.url


class FakeRuns:
    """Replaces `run_plan`: runs of at most `knee` are fast; above `limit` the generator is too busy."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self.settings: list[Mapping[str, str]] = []
        self.deviates = False

    def __call__(
        self, knee: float, limit: float = 1e9, of: Callable[[Plan], float] = lambda plan: plan.subscribers
    ) -> list[Plan]:
        plans: list[Plan] = []

        def run_by_formula(plan: Plan, *, settings: Mapping[str, str], **_: Any) -> Measurement:
            plans.append(plan)
            self.settings.append(settings)
            history = QUICK if of(plan) <= knee else SLOW
            if self.deviates:
                history = replace(history, protocol=(DEVIATION,))
            return measurement(history, ROOM, generator=BUSY) if of(plan) > limit else measurement(history, ROOM)

        self._patch.setattr(capacity, "run_plan", run_by_formula)
        return plans


@pytest.fixture
def fake_runs(monkeypatch: pytest.MonkeyPatch) -> FakeRuns:
    return FakeRuns(monkeypatch)


def search(url: str, out: Path, *more: str) -> tuple[int, dict[str, Any]]:
    code = main(["capacity", url, "--channels", "tutorial", *SLO, "--out", str(out), *more])
    record = only_run(out)
    jsonschema.validate(record, load_schema("wsproof.run/2"))
    return code, record


def test_a_knee_that_is_found_is_in_the_record_on_the_page_and_on_the_terminal(
    url: str, tmp_path: Path, fake_runs: FakeRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_runs(130)
    code, record = search(url, tmp_path)
    part = record["capacity"]
    assert code == 0
    assert part["ending"] == "found"
    assert part["knee"]["low"] <= 130 <= part["knee"]["high"]
    assert record["trusted"] is True
    assert record["metrics"]["latency"]["p99"] == 10_000_000
    assert record["plan"]["subscribers"] == part["met"] <= 130
    assert [level["level"] for level in part["levels"]] == sorted({row["level"] for row in part["runs"]})
    assert sum(level["met"] + level["missed"] for level in part["levels"]) == len(part["runs"])
    message = capsys.readouterr().out
    assert "CAPACITY: about" in message
    assert "160 subscribers  missed: p99(latency) < 100ms (measured 500 ms)" in message
    page = next((tmp_path / "runs").glob("*/page.html")).read_text(encoding="utf-8")
    assert "CAPACITY: about" in page
    assert "95 % interval" in page
    assert "Shaded: the interval of the knee" in page
    assert "--over subscribers --slo" in page.replace("&#39;", "'")


def test_a_protocol_deviation_is_reported_once_and_does_not_end_the_search(
    url: str, tmp_path: Path, fake_runs: FakeRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_runs.deviates = True
    fake_runs(130)
    code, record = search(url, tmp_path)
    assert record["capacity"]["ending"] == "found"
    assert [finding["check"] for finding in record["findings"]] == ["server-body-in-101"]
    assert record["findings"][0]["occurrences"] == len(record["capacity"]["runs"])
    assert capsys.readouterr().out.count("A 101 response has no Content-Length") == 1
    assert code == 1


def test_an_objective_that_is_missed_at_once_fails(url: str, tmp_path: Path, fake_runs: FakeRuns) -> None:
    fake_runs(3)
    code, record = search(url, tmp_path)
    assert code == 1
    assert record["capacity"]["ending"] == "missed-at-lowest"


def test_a_generator_at_its_limit_is_reported_as_no_result_about_the_server(
    url: str, tmp_path: Path, fake_runs: FakeRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_runs(1e9, limit=100)
    code, record = search(url, tmp_path)
    assert code == 3
    assert record["trusted"] is False
    assert record["capacity"]["ending"] == "generator-limited"
    assert record["warnings"][0]["code"] == "generator-cpu"
    assert "the load generator or this machine is the limit" in capsys.readouterr().out


def test_a_search_that_meets_its_highest_level_ends_there(url: str, tmp_path: Path, fake_runs: FakeRuns) -> None:
    fake_runs(1e9)
    code, record = search(url, tmp_path, "--to", "200")
    assert code == 0
    assert record["capacity"]["ending"] == "met-at-highest"
    assert record["capacity"]["met"] == 200
    assert record["capacity"]["knee"] is None
    assert "the interval of the knee" not in next((tmp_path / "runs").glob("*/page.html")).read_text(encoding="utf-8")


def test_a_search_that_ends_before_a_run_can_be_trusted_says_so(
    url: str, tmp_path: Path, fake_runs: FakeRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_runs(1e9, limit=0)
    code, record = search(url, tmp_path, "--max-runs", "2")
    assert code == 3
    assert (record["capacity"]["ending"], record["capacity"]["knee"]) == ("unsettled", None)
    assert "not settled after 2 runs; so far no run could be trusted" in capsys.readouterr().out


def test_the_rate_can_be_raised_and_need_not_be_whole(url: str, tmp_path: Path, fake_runs: FakeRuns) -> None:
    plans = fake_runs(77, of=lambda plan: plan.rate_hz)
    code, record = search(url, tmp_path, "--over", "rate", "--from", "2.5")
    assert code == 0
    assert plans[0].rate_hz == 2.5
    assert {plan.subscribers for plan in plans} == {100}
    assert record["capacity"]["knee"]["low"] <= 77 <= record["capacity"]["knee"]["high"]


def test_the_number_of_rooms_can_be_raised_with_a_constant_load_in_each(
    url: str, tmp_path: Path, fake_runs: FakeRuns
) -> None:
    plans = fake_runs(9, of=lambda plan: plan.subscribers / 20)
    channels = "tests.workloads.apps.halls_channels"
    words = ("--over", "rooms", "--subscribers", "20", "--publishers", "2", "--rate", "5", "--set", "halls.rooms=7")
    code = main(["capacity", url, "--channels", channels, "--workload", "halls", *SLO, "--out", str(tmp_path), *words])
    part = only_run(tmp_path)["capacity"]
    assert code == 0
    assert part["over"] == "rooms"
    assert part["knee"]["low"] <= 9 <= part["knee"]["high"]
    for plan in plans:
        assert plan.publishers * 10 == plan.subscribers == plan.rate_hz * 4
    levels = [row["level"] for row in part["runs"]]
    assert [settings["halls.rooms"] for settings in fake_runs.settings] == [f"{level:g}" for level in levels]


def test_a_target_that_ends_at_a_level_gives_no_capacity(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(plan: Plan, **_: Any) -> Measurement:
        if plan.subscribers > 50:
            raise TargetError("nobody could connect")
        return measurement(QUICK, ROOM)

    monkeypatch.setattr(capacity, "run_plan", refuse)
    code, record = search(url, tmp_path)
    assert code == 0
    part = record["capacity"]
    assert part["knee"]["low"] <= 50 <= part["knee"]["high"]
    assert "nobody could connect" in json.dumps(part["runs"])


def test_capacity_measures_two_levels_with_a_real_server(url: str, tmp_path: Path) -> None:
    levels = ("--from", "3", "--to", "4", "--trials", "2", "--duration", "200ms", "--warmup", "100ms", "--rate", "100")
    code, record = search(url, tmp_path, *levels)
    # Two runs prove no capacity, and a busy machine may void both. The test requires only that both were made.
    assert code in (0, 1, 3)
    assert record["generator"]["loop"] in ("uvloop", "asyncio")
    rows = record["capacity"]["runs"]
    assert len(rows) == 2
    assert all(row["metrics"]["reach"]["mean"] == 1.0 for row in rows)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--over", "rooms"), "the workload chat has no setting called rooms"),
        (("--from", "50", "--to", "20"), "expected --from to be at most --to"),
        (("--from", "2.5"), "expected whole numbers of subscribers"),
        (("--to", "100000000"), "open files"),
        (("--slo", "speed > 9000"), "there is no metric"),
    ],
)
def test_an_invalid_search_is_a_usage_error_before_anything_runs(
    url: str, tmp_path: Path, words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["capacity", url, "--channels", "tutorial", *SLO, "--out", str(tmp_path), *words]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()

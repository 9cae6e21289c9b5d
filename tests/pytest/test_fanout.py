"""Tests that the fan-out fixture passes only if it measured and checked the deliveries."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.load.conftest import serving
from tests.load.test_metering import FIGURES
from tests.machine.test_prometheus import page_server
from tests.stats.builders import measurement, steady
from wsproof import Finding, Level, Measurement
from wsproof.deviations import KnownDeviations
from wsproof.load import judging
from wsproof.model.finding import Anomaly
from wsproof.model.history import Departure, Member
from wsproof.pytest import fanout
from wsproof.pytest.fanout import Fanout, VirtualClock
from wsproof.session.question import Question
from wsproof.stats.objective import parse_objective

pytest_plugins = ["pytester"]

UNKNOWN = Finding("lost", "chat", Anomaly.UNKNOWN, Level.INFORMATIONAL, "The check lost crashed.")


class Benchmark:
    """The part of pytest-benchmark's fixture that is used here."""

    def __init__(self) -> None:
        self.group: str | None = None
        self.extra_info: dict[str, Any] = {}
        self.rounds = 0

    def pedantic(self, play: Callable[[], None], *, rounds: int, iterations: int) -> None:
        for _ in range(rounds * iterations):
            play()
        self.rounds = rounds


def time_it(
    measured: Measurement,
    findings: list[Finding],
    monkeypatch: pytest.MonkeyPatch,
    *,
    strict_trust: bool = False,
    slo: tuple[str, ...] = (),
) -> Benchmark:
    known = KnownDeviations()
    server: Any = SimpleNamespace(
        endpoint=None, secrets=(), known_deviations=known, ended=lambda: None, last_exception=tuple
    )
    monkeypatch.setattr(fanout, "broadcast_rounds", lambda **_: measured)
    monkeypatch.setattr(judging, "run_checks", lambda *_: findings)
    benchmark = Benchmark()
    question = Question(tuple(map(parse_objective, slo)), strict_trust)
    Fanout(benchmark, VirtualClock(), server, "tutorial", {}, question)(3)
    return benchmark


def test_a_clean_measurement_is_timed_round_by_round(monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark = time_it(measurement(steady(30)), [], monkeypatch)
    assert benchmark.rounds == 30
    assert benchmark.extra_info["reach"] == 1.0


def test_a_crashed_check_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="The check lost crashed"):
        time_it(measurement(steady(30)), [UNKNOWN], monkeypatch)


@pytest.mark.parametrize("strict", [False, True])
def test_void_figures_are_named_and_fail_only_with_strict_trust(monkeypatch: pytest.MonkeyPatch, strict: bool) -> None:
    late = measurement(steady(100, latency_ms=50, slip_ms=20))
    if strict:
        with pytest.raises(AssertionError, match=r"--ws-strict-trust.*\n.*not caused by the server"):
            time_it(late, [], monkeypatch, strict_trust=True)
    else:
        info = time_it(late, [], monkeypatch).extra_info
        assert "latency p99" in " ".join(info["void"]) or "latency" in info["void"]
    assert time_it(measurement(steady(100)), [], monkeypatch, strict_trust=strict).extra_info["void"] == []


def test_objectives_have_the_same_effect_as_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    quick, late = measurement(steady(100)), measurement(steady(100, latency_ms=50, slip_ms=20))
    assert time_it(quick, [], monkeypatch, slo=("p99(latency) < 100ms", "lost == 0")).rounds == 100
    with pytest.raises(AssertionError, match=r"--ws-slo.*\n *missed: p99\(latency\) < 1ms"):
        time_it(quick, [], monkeypatch, slo=("p99(latency) < 1ms",))
    with pytest.raises(AssertionError, match=r"--ws-slo.*\n *cannot tell: p99\(latency\) < 40ms"):
        time_it(late, [], monkeypatch, slo=("p99(latency) < 40ms",))


def test_a_broadcast_to_fewer_than_were_asked_for_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    history = steady(30)
    away = Member(3, "4", departure=Departure.REFUSED)
    with pytest.raises(AssertionError, match="1 of 3 subscribers could not connect"):
        time_it(measurement(replace(history, members=(*history.members, away))), [], monkeypatch)


def test_a_users_own_app_is_timed_once_per_number_of_subscribers(pytester: pytest.Pytester) -> None:
    apps = Path(__file__).parents[1] / "workloads" / "apps"
    for name in ("pubsub.py", "pubsub_channels.py"):
        pytester.path.joinpath(name).write_text((apps / name).read_text(encoding="utf-8"), encoding="utf-8")
    pytester.makepyfile(
        """
        def test_broadcast(ws_fanout, ws_subscribers):
            ws_fanout(ws_subscribers, rounds=3, warmup_rounds=1, workload="pubsub")
        """
    )
    target = ("--ws-target=pubsub:app", "--ws-path=/pubsub", "--ws-channels=pubsub_channels")
    words = ("--ws-subscribers=1,3", "--benchmark-only", "--benchmark-json=timed.json", "-p", "no:cacheprovider")
    result = pytester.runpytest_subprocess(*target, *words)
    result.assert_outcomes(passed=2)
    timed = json.loads(pytester.path.joinpath("timed.json").read_text(encoding="utf-8"))["benchmarks"]
    assert [one["params"] for one in timed] == [{"ws_subscribers": 1}, {"ws_subscribers": 3}]
    for one in timed:
        info = one["extra_info"]
        assert one["stats"]["rounds"] == 3
        assert one["stats"]["max"] == pytest.approx(info["time_to_last_max_ns"] / 1e9)
        assert (info["timed"], info["reach"], info["violations"]) == ("time_to_last", 1.0, 0)
        assert info["server_fds"] > 3


def test_a_remote_server_reports_its_resource_usage(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_broadcast(ws_fanout): ws_fanout(2, rounds=3, warmup_rounds=1, workload='echo')")
    with serving("fair") as endpoint, page_server(FIGURES) as url:
        target = (f"--ws-target={endpoint.url}", "--ws-channels=tutorial", f"--ws-metrics-url={url}")
        result = pytester.runpytest_subprocess(
            *target, "--benchmark-only", "--benchmark-json=timed.json", "-p", "no:cacheprovider"
        )
    result.assert_outcomes(passed=1)
    (timed,) = json.loads(pytester.path.joinpath("timed.json").read_text(encoding="utf-8"))["benchmarks"]
    assert timed["extra_info"]["server_fds"] == 7
    assert timed["extra_info"]["server_cpu_per_delivery_us"] is None  # its CPU time stands still


def test_invalid_numbers_of_subscribers_are_reported(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_broadcast(ws_fanout, ws_subscribers): ...")
    result = pytester.runpytest_subprocess("--ws-subscribers=1,few", "-p", "no:cacheprovider")
    assert result.ret != 0
    result.stderr.fnmatch_lines(["*--ws-subscribers: expected whole numbers above 0*'1,few'*"])

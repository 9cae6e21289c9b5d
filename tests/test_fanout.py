"""The fan-out fixture passes only what was really measured and really judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tests.stats.builders import measurement, steady
from wsproof import fanout
from wsproof.fanout import Fanout, VirtualClock
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import Departure, Member
from wsproof.model.measurement import Measurement

UNKNOWN = Finding("lost", "chat", Anomaly.UNKNOWN, Level.INFORMATIONAL, "The check lost crashed.")


class Benchmark:
    """As much of pytest-benchmark's fixture as is needed."""

    def __init__(self) -> None:
        self.group: str | None = None
        self.extra_info: dict[str, Any] = {}
        self.rounds = 0

    def pedantic(self, play: Callable[[], None], *, rounds: int, iterations: int) -> None:
        for _ in range(rounds * iterations):
            play()
        self.rounds = rounds


def time_it(measured: Measurement, findings: list[Finding], monkeypatch: pytest.MonkeyPatch) -> Benchmark:
    server: Any = SimpleNamespace(endpoint=None, target=SimpleNamespace(secrets=()))
    monkeypatch.setattr(fanout, "broadcast_rounds", lambda **_: measured)
    monkeypatch.setattr(fanout, "run_checks", lambda *_: findings)
    benchmark = Benchmark()
    Fanout(benchmark, VirtualClock(), server, "tutorial", {})(3)
    return benchmark


def test_a_clean_measurement_is_timed_round_by_round(monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark = time_it(measurement(steady(30)), [], monkeypatch)
    assert benchmark.rounds == 30
    assert benchmark.extra_info["reach"] == 1.0


def test_a_check_that_crashed_is_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="The check lost crashed"):
        time_it(measurement(steady(30)), [UNKNOWN], monkeypatch)


def test_a_broadcast_to_fewer_than_were_asked_for_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    history = steady(30)
    away = Member(3, "4", departure=Departure.REFUSED)
    with pytest.raises(AssertionError, match="1 of 3 subscribers could not connect"):
        time_it(measurement(replace(history, members=(*history.members, away))), [], monkeypatch)

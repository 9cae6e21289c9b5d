from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from tests.comparison.lives import life
from wsproof.comparison.life import ROUND_S, LifeResult
from wsproof.comparison.lives import Extent, run_lives


@dataclass
class Log:
    """The events of simulated lives, in order. The event named `fails` raises KeyboardInterrupt."""

    fails: str = ""
    events: list[str] = field(default_factory=list)
    results: list[LifeResult] = field(default_factory=list)
    rounds: list[int] = field(default_factory=list)
    now_s: float = 0.0
    starts_s: tuple[float, ...] = ()

    def add(self, event: str) -> None:
        self.events.append(event)
        if event == self.fails:
            raise KeyboardInterrupt

    @contextmanager
    def start(self, index: int) -> Iterator[FakeLife]:
        self.add(f"start {index}")
        self.now_s += self.starts_s[index] if self.starts_s else 0.0
        try:
            yield FakeLife(self, index)
        finally:
            self.add(f"left {index}")

    def finished(self, result: LifeResult) -> None:
        self.add(f"finished {result.index}")
        self.results.append(result)

    def run(self, extent: Extent, *, enough: int = 100) -> None:
        run_lives(
            cast("Any", self.start),
            extent,
            began=0.0,
            finished=self.finished,
            is_enough=lambda: len(self.results) >= enough,
            clock=lambda: self.now_s,
        )


@dataclass
class FakeLife:
    log: Log
    index: int

    def measure(self, rounds: int, progress: Any) -> FakeLife:
        self.log.add(f"measure {self.index}")
        self.log.rounds.append(rounds)
        self.log.now_s += rounds * ROUND_S
        return self

    def finish(self) -> LifeResult:
        return life(self.index)


def test_a_life_is_finished_before_the_next_one_is_measured() -> None:
    log = Log()
    log.run(Extent(lives=3, rounds=1))
    assert [event for event in log.events if "left" not in event] == [
        *("start 0", "measure 0"),
        *("start 1", "finished 0", "measure 1"),
        *("start 2", "finished 1", "measure 2", "finished 2"),
    ]


@pytest.mark.parametrize("event", ["start 2", "measure 2"])
def test_an_interrupted_life_does_not_lose_other_lives(event: str) -> None:
    log = Log(fails=event)
    with pytest.raises(KeyboardInterrupt):
        log.run(Extent(lives=5, rounds=1))
    assert [result.index for result in log.results] == [0, 1]


def test_after_the_last_needed_life_the_servers_of_the_next_are_stopped_unmeasured() -> None:
    log = Log()
    log.run(Extent(lives=5, rounds=1), enough=2)
    assert log.events[-3:] == ["start 2", "finished 1", "left 2"]
    assert "measure 2" not in log.events


def test_one_slow_start_does_not_make_the_next_life_short() -> None:
    log = Log(starts_s=(8.0, 8.0, 30.0, 8.0, 8.0))
    log.run(Extent(lives=5, budget_s=150.0))
    assert len(log.rounds) == 5
    assert min(log.rounds[3:]) > 0.6 * max(log.rounds)
    assert log.now_s <= 150.0

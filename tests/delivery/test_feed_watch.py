"""Tests of the last look at a feed. The clock is fake."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import cast

import pytest

from wsproof.delivery.feed_watch import watch_feed
from wsproof.delivery.runner import ScheduleRunner
from wsproof.delivery.standing import StandingAudience


@dataclass
class WatchedFeed:
    """A feed with four objects per second, whose viewers the server disconnects after some seconds."""

    cut_after_s: float = 1e9
    now_s: float = 0.0
    joins: int = 0

    def is_open(self, name: str) -> bool:
        assert name == "load"
        return self.now_s < self.cut_after_s

    def objects_received(self, name: str) -> int:
        assert name == "load"
        return round(self.now_s * 4)

    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    def gather(self) -> None:
        self.joins += 1

    def watch(self, objects: int, within_s: float) -> None:
        runner = SimpleNamespace(gather=self.gather, workload=SimpleNamespace(name="load"))
        watch_feed(cast(StandingAudience, self), cast(ScheduleRunner, runner), objects, within_s, wait=self.wait)


@pytest.mark.parametrize(
    ("objects", "within_s", "cut_after_s", "watched_s"),
    [(200, 60.0, 1e9, 50.0), (200, 20.0, 1e9, 20.0), (200, 60.0, 8.0, 8.0), (0, 60.0, 1e9, 0.0)],
    ids=["enough objects", "out of time", "disconnected", "no objects wanted"],
)
def test_viewers_stay_until_they_have_seen_enough(
    objects: int, within_s: float, cut_after_s: float, watched_s: float
) -> None:
    feed = WatchedFeed(cut_after_s)
    feed.watch(objects, within_s)
    assert feed.now_s == pytest.approx(watched_s, abs=0.21)
    assert feed.joins == 1

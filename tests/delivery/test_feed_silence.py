"""Tests of the end of a schedule on a feed: a feed whose server was stopped for some seconds has not ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from wsproof import Audience, Contract, Feed
from wsproof.delivery.feed_silence import STOPS, wait_for_silent_viewers
from wsproof.delivery.member import PoolMember
from wsproof.model.history import Tick
from wsproof.model.nanoseconds import NS

FEED = Feed(period_s=0.1, fields=())


class Loop:
    """Two viewers of a feed on a fake clock. The server sends the second one nothing until `stopped_s`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, stopped_s: float, *, pong_s: float = 0.0) -> None:
        self.now, self.stopped_ns, self.pong_s, self.asked = 10 * NS, int((10 + stopped_s) * NS), pong_s, 0
        self.contract, self.recorder = Contract("feed", Audience.NOBODY, feed=FEED), SimpleNamespace(ticks=list[Tick]())
        self.members: list[PoolMember] = [self._viewer(0), self._viewer(1)]
        monkeypatch.setattr("wsproof.delivery.feed_silence.now_ns", lambda: self.now)

    @staticmethod
    def _viewer(number: int) -> PoolMember:
        client: Any = SimpleNamespace()
        viewer = PoolMember(number, number, str(number), client)
        viewer.connected_ns = NS
        return viewer

    def pass_time(self, seconds: float) -> None:
        self.now += int(seconds * NS)
        for viewer in self.members:
            if viewer.number == 0 or self.now >= self.stopped_ns:
                viewer.ticks += 1
                self.recorder.ticks.append(Tick(viewer.number, self.now, {}, "{}"))

    def answers_at_once(self, members: Sequence[PoolMember]) -> bool:
        self.asked += 1
        self.pass_time(self.pong_s or 0.1)
        return not self.pong_s

    def wait(self, done: Callable[[], bool], deadline_s: float) -> bool:
        until = self.now + int(deadline_s * NS)
        while not done():
            if self.now >= until:
                return False
            self.pass_time(0.1)
        return True


def end(loop: Loop) -> float:
    """End the schedule, and return how long the second viewer has received nothing, in seconds."""
    loop.pass_time(0.1)
    waiting: Any = loop
    wait_for_silent_viewers(waiting)
    last_ns = max((tick.received_ns for tick in loop.recorder.ticks if tick.subscriber == 1), default=NS)
    return (loop.now - last_ns) / NS


def test_a_feed_that_continues_needs_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop(monkeypatch, 0.0)
    assert end(loop) < 0.1
    assert loop.asked == 0


@pytest.mark.parametrize("stopped_s", [1.0, 4.0, 9.0])
def test_a_server_that_was_stopped_gets_additional_time(monkeypatch: pytest.MonkeyPatch, stopped_s: float) -> None:
    assert end(Loop(monkeypatch, stopped_s, pong_s=stopped_s)) < 0.2


def test_a_server_that_answers_pings_and_sends_one_viewer_nothing_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop(monkeypatch, 1000.0)
    assert end(loop) > 9
    assert loop.asked == 1


def test_a_server_that_is_always_late_gets_a_limited_number_of_pings(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop(monkeypatch, 1000.0, pong_s=1.0)
    assert end(loop) > 9
    assert loop.asked == STOPS


def test_a_channel_without_a_feed_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop(monkeypatch, 1000.0)
    loop.contract = Contract("chat", Audience.EVERYONE)
    end(loop)
    assert loop.asked == 0

"""Tests of the turns in which connections read, if all of them have much data."""

from __future__ import annotations

from contextlib import ExitStack
from types import SimpleNamespace

import gevent
import pytest

from tests.net.hand import HandServer
from tests.scenarios.inside.inside_connection import RecordingListener, connected, text_frame
from wsproof.locust import connection, reading_turns
from wsproof.locust.reading_turns import MESSAGES_OF_A_READ, ReadingTurns


class Loop:
    """An event loop whose iterations are counted by the test. Each member reads as the turns allow."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, messages: int) -> None:
        self.iteration = 0
        self.turns = ReadingTurns(messages)
        self.latest: dict[str, int] = {}
        hub = SimpleNamespace(loop=self)
        monkeypatch.setattr(reading_turns, "gevent", SimpleNamespace(get_hub=lambda: hub))

    def iterate(self, ready: str, messages: int = 1) -> str:
        """Run an iteration in which these members have data, in this order. Returns those that read."""
        self.iteration += 1
        readers = ""
        for member in ready:
            if self.turns.may_read(self.latest.get(member, 0)):
                self.latest[member] = self.turns.round
                self.turns.has_read(messages)
                readers += member
        return readers


def test_without_a_backlog_each_connection_reads_in_each_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop(monkeypatch, 100)
    assert [loop.iterate(ready) for ready in ("ab", "a", "cab", "b")] == ["ab", "a", "cab", "b"]


def test_full_connections_read_one_after_the_other_however_the_loop_orders_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = Loop(monkeypatch, 2 * (MESSAGES_OF_A_READ + 60))
    assert [loop.iterate("abcde", 60) for _ in range(4)] == ["ab", "cd", "e", "ab"]


def test_a_round_ends_if_the_connections_that_are_left_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop(monkeypatch, 1)
    assert [loop.iterate(ready) for ready in ("abc", "a", "a", "a")] == ["a", "", "a", "a"]


def test_other_greenlets_run_between_the_reads_of_full_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "TURNS", ReadingTurns(1))
    listener, steps = RecordingListener(), list[int]()
    with ExitStack() as stack:
        for _ in range(5):
            opened, sock = connected(stack.enter_context(HandServer()), listener)
            stack.callback(opened.abort)
            sock.sendall(text_frame(b"message") * 3)
        while len(listener.heard) < 15:
            before = len(listener.heard)
            gevent.sleep(0)
            steps.append(len(listener.heard) - before)
    assert max(steps) == 3  # one connection's read, not those of all

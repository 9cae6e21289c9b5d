"""Tests that a refusal under load does not count as an answer to the handshake. Uses a fake clock."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from wsproof.conformance.exchange.transcript import Transcript
from wsproof.conformance.load_refusals import PLAIN, ScriptResult, is_refused_for_load, retry_while_full
from wsproof.conformance.oracle.frames import Expectation
from wsproof.conformance.oracle.handshake import HandshakeAnswer, HandshakeExpectation
from wsproof.conformance.script import Script
from wsproof.wire.handshake import Response

SCRIPT = Script("mask-required")


class Limited:
    """A server that limits handshakes in a sliding window. Each handshake takes `took_s`."""

    def __init__(self, most: int, window_s: float, took_s: float, status: int = 429) -> None:
        self.most, self.window_s, self.took_s, self.status = most, window_s, took_s, status
        self.now_s = 1_000.0
        self.accepted_at: list[float] = []
        self.scripts_run: list[Script] = []
        self.content: Callable[[Script], bool] = lambda script: True

    def perform(self, script: Script) -> ScriptResult:
        self.now_s += self.took_s
        self.scripts_run.append(script)
        self.accepted_at = [at for at in self.accepted_at if self.now_s - at < self.window_s]
        is_taken = len(self.accepted_at) < self.most and self.content(script)
        if is_taken:
            self.accepted_at.append(self.now_s)
        transcript = Transcript(response=Response(101 if is_taken else self.status, "x"))
        return HandshakeExpectation(HandshakeAnswer.ACCEPT), Expectation(), transcript

    def pause(self, seconds: float) -> None:
        self.now_s += seconds

    def run(self, script: Script = SCRIPT) -> ScriptResult | None:
        return retry_while_full(self.perform, script, lambda: None, self.pause)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("took_s", [0.005, 0.03, 0.07, 0.0999, 0.11])
def test_a_handshake_rate_limit_is_retried_after_a_pause(took_s: float, status: int) -> None:
    server = Limited(10, 1.0, took_s, status)
    for _ in range(100):
        result = server.run()
        assert result is not None
        assert not is_refused_for_load(result)


def test_a_refusal_of_only_this_script_counts() -> None:
    server = Limited(1_000, 1.0, 0.01, 503)
    server.content = lambda script: script == PLAIN
    result = server.run()
    assert result is not None
    assert is_refused_for_load(result)


def test_a_server_that_keeps_refusing_gives_no_result() -> None:
    assert Limited(0, 1.0, 0.01).run() is None


def test_a_handshake_that_must_be_refused_is_not_retried() -> None:
    server = Limited(0, 1.0, 0.01)

    def refused(script: Script) -> ScriptResult:
        _, expected, transcript = server.perform(script)
        return HandshakeExpectation(HandshakeAnswer.REFUSE, "method-get"), expected, transcript

    assert retry_while_full(refused, SCRIPT, lambda: None, server.pause) is not None
    assert server.scripts_run == [SCRIPT]

"""Tests that a connection counts as dead after a silence, but not after a pause of this process."""

from __future__ import annotations

from target_app.cluster.liveness import Liveness


def test_a_connection_without_heartbeats_is_dead() -> None:
    silence = Liveness(4.0)
    silence.heard(100.0)
    verdicts = []
    for second in (101.0, 102.0, 103.0, 104.0, 105.0):
        silence.sent()
        verdicts.append(silence.is_too_long(second))
    assert verdicts == [False, False, False, False, True]


def test_a_paused_worker_does_not_take_its_pause_for_silence() -> None:
    silence = Liveness(4.0)
    silence.heard(100.0)
    silence.sent()
    assert not silence.is_too_long(1_000.0)
    silence.heard(1_000.0)
    for second in range(3):
        silence.sent()
        assert not silence.is_too_long(1_001.0 + second)


def test_heartbeats_in_quick_succession_are_no_silence() -> None:
    silence = Liveness(4.0)
    silence.heard(100.0)
    for _ in range(50):
        silence.sent()
    assert not silence.is_too_long(104.0)

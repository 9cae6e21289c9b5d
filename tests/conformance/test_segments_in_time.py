"""Tests that segments are spread over a limited time, since a server may end a slow handshake."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from wsproof.conformance.exchange import driver
from wsproof.conformance.exchange.transcript import Transcript

DATA = bytes(range(100))


@pytest.mark.parametrize(("each_s", "segments"), [(0.001, 100), (0.5, 6)])
def test_the_remaining_segments_are_sent_at_once_when_pausing_takes_too_long(
    each_s: float, segments: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock_ns = 0
    sent: list[bytes] = []

    def wait_read(fd: int) -> None:
        nonlocal clock_ns
        clock_ns += int(each_s * 1e9)

    def send_raw(data: bytes) -> bool:
        sent.append(data)
        return True

    monkeypatch.setattr(driver, "now_ns", lambda: clock_ns)
    talk: Any = SimpleNamespace(
        transcript=Transcript(),
        client=SimpleNamespace(send_raw=send_raw, fileno=lambda: 3),
        driver=SimpleNamespace(barrier=SimpleNamespace(wait_read=wait_read)),
    )
    driver._Exchange._send(talk, DATA, tuple(range(1, 100)))
    assert b"".join(sent) == DATA
    assert len(sent) == segments
    assert ("time limit" in "".join(talk.transcript.lines)) is (segments < 100)

"""Tests of the limit of open files, without changing that of the test process."""

from __future__ import annotations

import logging
import resource

import pytest

from target_app.file_descriptors import SPARE, raise_limit
from target_app.settings import Settings

NEEDED = 5_000 + 1_000 + SPARE
INFINITY = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("limits", "expected", "warns"),
    [
        ((1_024, INFINITY), (NEEDED, INFINITY), False),
        ((1_024, 100_000), (NEEDED, 100_000), False),
        ((1_024, 4_096), (4_096, 4_096), True),
        ((NEEDED, NEEDED), None, False),
        ((INFINITY, INFINITY), None, False),
    ],
)
def test_the_limit_is_raised_as_far_as_connections_need_it(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    limits: tuple[int, int],
    expected: tuple[int, int] | None,
    warns: bool,
) -> None:
    new: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: new.append(wanted))
    with caplog.at_level(logging.WARNING, "target_app"):
        raise_limit(Settings(max_connections=5_000))
    assert new == ([] if expected is None else [expected])
    assert ("TARGET_APP_MAX_CONNECTIONS" in caplog.text) == warns


def test_a_limit_that_cannot_be_raised_is_kept(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, INFINITY))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    with caplog.at_level(logging.WARNING, "target_app"):
        raise_limit(Settings())
    assert "stays at 256" in caplog.text

"""Tests of the findings about places that the server does not free again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.checks.histories import QUIET_CHAT
from wsproof import Level
from wsproof.checks.places import Filling, judge_places
from wsproof.model.finding import Anomaly

CLOSE, RESET, FULL = "a close frame with code 1000", "TCP RST", "HTTP 403"
LIMITED = replace(QUIET_CHAT, connections=60)


def fillings(*members: int, refusal: str = FULL) -> list[Filling]:
    """Return fillings of the server by `members` members, the third of which ends abruptly."""
    return [Filling(count, refusal, RESET if at == 2 else CLOSE) for at, count in enumerate(members)]


def test_places_freed_after_a_close_but_not_after_a_reset_are_a_violation() -> None:
    (finding,) = judge_places(fillings(60, 60, 60, 0, 0, 0), QUIET_CHAT)
    assert (finding.anomaly, finding.level, finding.occurrences) == (Anomaly.NOT_FREED, Level.VIOLATION, 60)
    assert "After 60 members had left by TCP RST it accepted only 0" in finding.explanation


@pytest.mark.parametrize(
    "innocent",
    [
        fillings(60, 60, 60, 60),
        fillings(60, 60, 60, 40, 60),
        fillings(60, 0),
        fillings(60, 60, 20, 0, 0),
        fillings(60, 60, 60),
        fillings(130, 130, 130, 60, refusal=""),
        fillings(130, refusal=""),
    ],
    ids=[
        "all places come back",
        "they come back some seconds later",
        "it limits how often clients connect",
        "it limits that over a longer time",
        "there was no time for more",
        "it refuses nobody",
        "it has no limit",
    ],
)
def test_places_that_may_be_missing_for_another_reason_are_not_reported(innocent: list[Filling]) -> None:
    assert judge_places(innocent, QUIET_CHAT) == []


def test_fewer_places_than_promised_are_a_violation_only_if_they_are_too_few_twice() -> None:
    (finding,) = judge_places(fillings(59, 59), LIMITED)
    assert "promises 60 connections at once" in finding.explanation
    assert judge_places(fillings(59, 60), LIMITED) == []
    assert judge_places(fillings(60, 60), LIMITED) == []


def test_one_member_more_than_promised_may_be_refused_and_must_not_affect_others() -> None:
    cut = [replace(filling, lost="the server cut 1 of them off") for filling in fillings(60, 60)]
    (finding,) = judge_places(cut, LIMITED)
    assert finding.level is Level.VIOLATION
    (seen_once,) = judge_places([cut[0], *fillings(60)], LIMITED)
    assert seen_once.level is Level.OBSERVATION
    assert judge_places([replace(filling, members=61) for filling in cut], LIMITED) == []

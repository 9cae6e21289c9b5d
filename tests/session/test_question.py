"""Tests of when a void block is repeated, and of which of the two is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.stats.builders import QUIET, measurement, steady
from wsproof import Finding, Level, Measurement
from wsproof.load.judging import JudgedMeasurement, UnknownServer, judge_measurement
from wsproof.model.finding import Anomaly
from wsproof.session.question import Question
from wsproof.stats.objective import parse_objective

GOOD = measurement(steady())
LATE = measurement(steady(latency_ms=50, slip_ms=20))
DISTURBED = replace(GOOD, generator=replace(QUIET, alone=False))
LOST = Finding("delivery", "chat", Anomaly.LOST, Level.VIOLATION, "Member 2 never received it.")
JUST_MEASURE = Question()


def block(measured: Measurement, *findings: Finding) -> JudgedMeasurement:
    return replace(judge_measurement(measured, UnknownServer()), findings=findings)


def asked(*texts: str) -> Question:
    return Question(tuple(parse_objective(text) for text in texts))


@pytest.mark.parametrize(
    ("question", "measured", "is_open"),
    [
        (JUST_MEASURE, GOOD, False),
        (JUST_MEASURE, LATE, True),
        (Question(strict=True), GOOD, False),
        (Question(strict=True), LATE, True),
        (asked("p99(latency) < 100ms"), LATE, False),
        (asked("p99(latency) < 40ms"), LATE, True),
        (asked("min(reach) == 1"), DISTURBED, False),
    ],
)
def test_a_block_is_measured_again_if_its_question_is_unanswered(
    question: Question, measured: Measurement, is_open: bool
) -> None:
    assert question.is_open(block(measured)) is is_open


def test_the_block_with_more_answers_is_kept_and_the_second_of_two_equal_ones() -> None:
    first, second = block(LATE), block(GOOD)
    assert JUST_MEASURE.better(first, second) is second
    assert JUST_MEASURE.better(second, first) is second
    equal = block(LATE)
    assert JUST_MEASURE.better(first, equal) is equal


def test_a_violation_in_the_second_block_is_never_dropped() -> None:
    second = block(DISTURBED, LOST)
    assert JUST_MEASURE.better(block(LATE), second) is second
    assert asked("p99(latency) < 100ms").better(block(GOOD), second) is second

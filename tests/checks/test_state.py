"""Tests of the findings about members whose states differ, on states built by hand."""

from __future__ import annotations

import pytest

from wsproof import Audience, Contract, Level
from wsproof.checks.state import CHECK, MemberState, agree, judge_states
from wsproof.model.finding import Anomaly

CONTRACT = Contract("board", Audience.EVERYONE)
FIRST = MemberState("member 0 (there from the start)", {"a": [1, 2], "b": [3]})


def last(state: dict[str, object] | None) -> MemberState:
    return MemberState("member 4 (which joined last)", state)


def test_equal_states_agree_in_any_order_of_their_parts() -> None:
    assert agree([FIRST, last({"b": [3], "a": [1, 2]})])
    assert judge_states([[FIRST, last({"b": [3], "a": [1, 2]})]], CONTRACT) == []


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"a": [1, 2]}, "only member 0 (there from the start) has 'b': [3]"),
        ({"a": [1, 2], "b": [3], "c": [4]}, "only member 4 (which joined last) has 'c': [4]"),
        ({"a": [1, 2], "b": None}, "'b' is [3] for member 0 (there from the start), and None for member 4"),
        (None, "member 4 (which joined last) was told no state"),
    ],
)
def test_different_states_are_a_violation_with_their_first_difference(
    state: dict[str, object] | None, words: str
) -> None:
    (finding,) = judge_states([[FIRST, last(state)]] * 2, CONTRACT)
    assert (finding.check, finding.anomaly, finding.level) == (CHECK, Anomaly.DIVERGED, Level.VIOLATION)
    assert words in finding.explanation
    assert any("member 4 (which joined last): " in line for line in finding.witness)


def test_a_difference_in_one_run_is_not_reported_and_a_later_agreement_withdraws_the_finding() -> None:
    (finding,) = judge_states([[FIRST, last({})]], CONTRACT)
    assert finding.level is Level.OBSERVATION
    assert judge_states([[FIRST, last({})], [FIRST, last(dict(FIRST.state or {}))]], CONTRACT) == []
    assert judge_states([], CONTRACT) == []

"""Tests of the budget of a run, on a clock that the test sets."""

from __future__ import annotations

import math

import pytest

from tests.net.hand import HandServer
from wsproof import TargetError
from wsproof.net.budget import Budget, BudgetSpent
from wsproof.net.client import Client


class Clock:
    """A clock that the test advances."""

    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns

    def advance(self, seconds: float) -> None:
        self.ns += int(seconds * 1e9)


def test_a_budget_is_spent_when_its_time_is_over() -> None:
    clock = Clock()
    budget = Budget(10, clock=clock)
    clock.advance(9)
    budget.check()
    assert budget.remaining_s == 1
    assert (budget.at_most(5), budget.at_most(0.5)) == (1, 0.5)
    clock.advance(1)
    assert budget.spent
    assert 0 < budget.at_most(5) < 0.01
    with pytest.raises(BudgetSpent):
        budget.check()
    assert budget.reason == "the budget of 10 s is spent"


def test_a_budget_without_a_limit_is_never_spent() -> None:
    clock = Clock()
    budget = Budget.of_check(None, clock=clock)
    clock.advance(1e6)
    assert not budget.spent
    assert budget.remaining_s == math.inf
    assert budget.at_most(5) == 5
    assert budget.share(0.5, "half of the").remaining_s == math.inf


@pytest.mark.parametrize(("seconds", "remaining"), [(100, 93), (60, 54), (10, 9)])
def test_the_budget_of_a_check_reserves_time_for_the_report(seconds: float, remaining: float) -> None:
    budget = Budget.of_check(seconds, clock=Clock())
    assert budget.remaining_s == pytest.approx(remaining)
    assert budget.seconds == seconds
    assert Budget.of_check(seconds, seconds / 2, clock=Clock()).remaining_s == pytest.approx(remaining - seconds / 2)


def test_a_share_of_a_budget_leaves_the_remaining_time_to_later_steps() -> None:
    clock = Clock()
    whole = Budget(10, clock=clock)
    first = whole.share(0.6, "the first share of the")
    clock.advance(6)
    assert first.spent
    assert first.reason == "the first share of the budget of 10 s is spent"
    assert whole.remaining_s == 4


def test_the_unused_time_of_a_share_goes_to_the_others() -> None:
    clock = Clock()
    whole = Budget(10, clock=clock)
    whole.share(0.6, "the first share of the")
    clock.advance(1)
    assert whole.remaining_s == 9


def test_time_reserved_for_retries_is_used_for_nothing_else() -> None:
    clock = Clock()
    budget = Budget(10, clock=clock)
    with budget.leaving_retries():
        assert budget.remaining_s == 9
    assert budget.remaining_s == 10
    with pytest.raises(ValueError, match="a bug"), budget.leaving_retries():
        raise ValueError("a bug")
    assert budget.remaining_s == 10
    clock.advance(9)
    with pytest.raises(BudgetSpent), budget.leaving_retries():
        budget.check()
    assert budget.spent
    with budget.for_retries():
        assert budget.remaining_s == 1
    assert budget.spent


def test_without_a_limit_no_time_is_reserved_for_retries() -> None:
    budget = Budget(None, clock=Clock())
    with budget.leaving_retries():
        assert budget.remaining_s == math.inf


def test_no_client_waits_longer_than_the_budget_of_its_endpoint() -> None:
    clock = Clock()
    with HandServer() as server:
        client = Client(server.endpoint.within(Budget(0.05, clock=clock)), deadline_s=600)
        with client, pytest.raises(TargetError, match=r"sent nothing for 0\.0"):
            client.open()
        late = Client(server.endpoint.within(Budget(5, clock=clock)), deadline_s=600)
        with late:
            late.connect()
            clock.advance(5)
            assert not late.wait_end()
            assert late.wait_event() is None


def test_an_endpoint_equals_the_same_endpoint_with_a_budget() -> None:
    with HandServer() as server:
        bounded = server.endpoint.within(Budget(1))
        assert bounded == server.endpoint
        assert bounded.at("/other").budget is bounded.budget
        assert "budget" not in bounded.to_json()


def test_a_spent_budget_is_extended_for_a_step_that_the_user_asked_for() -> None:
    clock = Clock()
    budget = Budget(10, clock=clock)
    budget.extend(5)
    assert budget.remaining_s == 10, "more than that was left"
    clock.advance(12)
    budget.extend(5)
    assert budget.remaining_s == 5
    unlimited = Budget(None)
    unlimited.extend(5)
    assert unlimited.remaining_s == math.inf

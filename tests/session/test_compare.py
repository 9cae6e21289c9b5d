from __future__ import annotations

from dataclasses import replace

import pytest

from wsproof import CompareOptions, UsageError
from wsproof.comparison.lives import QUICK, Extent
from wsproof.model.arrivals import BurstArrivals, RampArrivals, Trace
from wsproof.model.plan import Plan
from wsproof.session.compare import extent_of, require_windows, with_fitting_publishers
from wsproof.session.option_text import percent
from wsproof.workloads import load_channels

WORKLOADS = load_channels("tutorial", {}) | load_channels("reference", {})
PLAN = Plan(workload="chat", rate_hz=400.0)


def options(**changes: object) -> CompareOptions:
    return CompareOptions(base="main", candidate="HEAD", **changes)  # type: ignore[arg-type]


def test_the_extent_is_the_default_unless_an_option_changes_it() -> None:
    assert extent_of(options()) == Extent()
    assert extent_of(options(quick=True)) == QUICK
    assert extent_of(options(quick=True, lives=12, until=0.02)) == replace(QUICK, lives=12, until=0.02)
    assert extent_of(options(budget=900.0)) == replace(Extent(), budget_s=900.0)


@pytest.mark.parametrize(
    ("changes", "publishers"),
    [
        ({}, 20),
        ({"subscribers": 5}, 5),
        ({"subscribers": 5, "publishers": 9}, 9),
        ({"subscribers": 100, "publishers": 1}, 1),
    ],
)
def test_the_default_number_of_publishers_fits_few_subscribers(changes: dict[str, int], publishers: int) -> None:
    assert with_fitting_publishers(options(**changes)).publishers == publishers


@pytest.mark.parametrize(("text", "share"), [("2%", 0.02), ("0.5", 0.005)])
def test_a_width_is_given_in_percent(text: str, share: float) -> None:
    assert percent(text) == pytest.approx(share)


@pytest.mark.parametrize(
    "plan",
    [
        Plan(workload="dashboard", rate_hz=400.0),
        replace(PLAN, in_flight=1),
        replace(PLAN, steps=2),
        replace(PLAN, arrivals=RampArrivals(10, 400)),
        replace(PLAN, arrivals=Trace((0, 1000))),
        replace(PLAN, rate_hz=10.0),
    ],
    ids=["feed", "closed", "steps", "ramp", "trace", "slow"],
)
def test_a_load_that_cannot_be_split_into_windows_is_refused_with_advice(plan: Plan) -> None:
    with pytest.raises(UsageError, match="--apart"):
        require_windows(plan, WORKLOADS[plan.workload])


@pytest.mark.parametrize("plan", [PLAN, replace(PLAN, rate_hz=20.0), replace(PLAN, arrivals=BurstArrivals(4))])
def test_an_even_load_can_be_split_into_windows(plan: Plan) -> None:
    require_windows(plan, WORKLOADS["chat"])

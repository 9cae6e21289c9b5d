"""Tests of the order in which the suite runs the checks of several channels."""

from __future__ import annotations

from wsproof.delivery.suite import planned
from wsproof.model.suite import SuiteOptions
from wsproof.workloads import load_channels


def test_checks_alternate_between_channels_so_that_a_short_budget_reaches_each() -> None:
    workloads = load_channels("tutorial")
    sections = [planned_check.section for planned_check in planned(workloads, SuiteOptions())]
    count = len(workloads)
    assert sections[:count] == sections[count : 2 * count] == list(workloads)

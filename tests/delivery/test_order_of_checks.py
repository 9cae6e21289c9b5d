"""The order in which the suite runs the checks of several channels."""

from __future__ import annotations

from wsproof.delivery.suite import planned
from wsproof.model.suite import SuiteOptions
from wsproof.workloads import load_channels


def test_channels_take_turns_so_that_none_is_left_out_if_time_runs_short() -> None:
    workloads = load_channels("tutorial")
    sections = [one.section for one in planned(workloads, SuiteOptions())]
    count = len(workloads)
    assert sections[:count] == sections[count : 2 * count] == list(workloads)

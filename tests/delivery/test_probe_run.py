"""Tests of probes whose server does not answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from wsproof import TargetError
from wsproof.delivery.channel_probe import ChannelProbe, ProbeOutcome
from wsproof.delivery.probe_run import run_probe
from wsproof.delivery.runner import ScheduleRunner
from wsproof.model.finding import Anomaly
from wsproof.model.suite import SuiteOptions
from wsproof.net.budget import Budget
from wsproof.workloads import load_channels


def unanswered(runner: ScheduleRunner, options: SuiteOptions) -> ProbeOutcome:
    raise TargetError("expected an answer to the WebSocket handshake")


PROBE = ChannelProbe("silent", "It answers.", lambda contract: True, unanswered)


@pytest.mark.parametrize("budget_s", [0.0, None], ids=["because its time was over", "although there was time"])
def test_a_server_that_does_not_answer_a_probe_is_unknown_only_if_there_was_time(budget_s: float | None) -> None:
    workload = load_channels("tutorial")["chat"]
    runner = cast(ScheduleRunner, SimpleNamespace(workload=workload, budget=Budget(budget_s)))
    report = run_probe(runner, PROBE, SuiteOptions())
    assert bool(report.not_run) is (budget_s is not None)
    assert [finding.anomaly for finding in report.findings] == ([] if report.not_run else [Anomaly.UNKNOWN])

"""The delivery suite as pytest tests: `pytest --pyargs wsproof.delivery --ws-target TARGET --ws-channels tutorial`.

One test per property, on every channel that promises it. A failure prints the finding: the promise, what was seen, the
schedule with its evidence, and the command that replays it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from wsproof.delivery import CHANNEL_CHECKS, ChannelCheck, check_property
from wsproof.model.finding import Finding, Verdict
from wsproof.model.suite import SuiteOptions
from wsproof.net.budget import Budget
from wsproof.target.server import RunningServer
from wsproof.workloads import Workload


@pytest.mark.parametrize("promise", CHANNEL_CHECKS, ids=[each.name for each in CHANNEL_CHECKS])
def test_promise(
    promise: ChannelCheck,
    ws_target: RunningServer,
    ws_suite_options: SuiteOptions,
    ws_workloads: dict[str, Workload],
    ws_budget: Budget,
    ws_keep: Callable[[Finding], Finding],
) -> None:
    """The promise that the test's id names, kept by every channel that makes it."""
    channels = [each for each in ws_workloads.values() if promise.applies_to(each, ws_target.endpoint)]
    if not channels:
        pytest.skip(f"no channel of this target promises: {promise.promise}")
    for workload in channels:
        if ws_budget.spent:
            pytest.skip(f"not run: {ws_budget.reason}")
        report = check_property(ws_target, workload, promise, ws_suite_options, ws_budget)
        report = replace(report, findings=ws_target.known_deviations.mark(report.findings))
        against = [f for f in report.findings if f.verdict(strict=ws_suite_options.strict) is not Verdict.VALID]
        if against:
            pytest.fail("\n\n".join(_told(ws_keep(finding), promise) for finding in against), pytrace=False)
        if report.not_run:
            pytest.skip(f"not run to its end: {ws_budget.reason}")
        assert report.verdict(strict=ws_suite_options.strict) is Verdict.VALID, report.checks_run[0].reason


def _told(finding: Finding, promise: ChannelCheck) -> str:
    """A finding as the text of a test failure."""
    lines = [
        f"{finding.check}: {finding.anomaly.value} ({finding.level.value})",
        f"promised:   {finding.source or promise.promise}",
        f"seen:       {finding.explanation}",
        *(f"    {line}" for line in finding.witness),
    ]
    if finding.reproduced:
        lines.append(f"reproduced: {finding.reproduced}")
    if finding.server_output:
        lines += ["the server wrote:", *(f"    | {line}" for line in finding.server_output)]
    if finding.replay:
        lines.append(f"replay:     {finding.replay}")
    return "\n".join(lines)

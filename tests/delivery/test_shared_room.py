"""Test of two concurrent runs against one server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.delivery.planting import PATIENT_S, findings_of
from wsproof import Verdict
from wsproof.delivery import run_suite
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.target.server import serve
from wsproof.target.target import parse_target
from wsproof.workloads import load_channels

APP = "tests.faulty.channels.tutorial:app"


@pytest.mark.parametrize(
    "only",
    [("chat.delivery", "chat.order", "chat.leave-notices"), pytest.param(("chat",), marks=pytest.mark.slow)],
    ids=["some", "all"],
)
def test_concurrent_runs_in_one_chat_do_not_report_each_other_as_faults(only: tuple[str, ...]) -> None:
    with serve(parse_target(APP, path="/ws")) as server, ThreadPoolExecutor(2) as both:
        address = f"ws://{server.endpoint.host}:{server.endpoint.port}/ws"

        def run(seed: int) -> SuiteReport:
            with serve(parse_target(address)) as reached:
                options = SuiteOptions(seed=seed, examples=3, deadline_s=PATIENT_S, only=only)
                return run_suite(reached, load_channels("tutorial"), options)

        reports = list(both.map(run, (0, 0)))
    assert [finding.explanation for report in reports for finding in findings_of(report)] == []
    assert {row.verdict for report in reports for row in report.checks_run} == {Verdict.VALID}

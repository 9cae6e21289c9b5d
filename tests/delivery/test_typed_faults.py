"""Tests that planted faults of the reference server's drawing, alerts and game are found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.delivery.planting import PATIENT_S, findings_of, planting
from wsproof import Verdict, Workload
from wsproof.delivery import run_suite
from wsproof.model.finding import Anomaly
from wsproof.model.suite import SuiteOptions
from wsproof.target.server import RunningServer
from wsproof.workloads import load_channels
from wsproof.workloads.settings import environment_of

PLANTED = [
    ("repeated stroke comes back", "drawing.repeated-inputs", Anomaly.DUPLICATED, "more than once"),
    ("repeated turn counts again", "game.repeated-inputs", Anomaly.DUPLICATED, "more than once"),
    ("repeated alert is sent again", "alerts.repeated-inputs", Anomaly.DUPLICATED, "more than once"),
    ("acknowledged alerts stay", "alerts.state-convergence", Anomaly.DIVERGED, "know different states"),
    ("unread alerts are forgotten", "alerts.state-convergence", Anomaly.DIVERGED, "know different states"),
    ("only the latest alerts stay", "alerts.state-convergence", Anomaly.DIVERGED, "know different states"),
    ("undone stroke stays for newcomers", "drawing.state-convergence", Anomaly.DIVERGED, "know different states"),
    ("newcomers get the latest stroke only", "drawing.state-convergence", Anomaly.DIVERGED, "know different states"),
    ("turns are dropped", "game.delivery", Anomaly.LOST, "never received"),
    ("one turn is told for each tick", "game.delivery", Anomaly.LOST, "never received"),
]
IN_SHORT = 4
"""The number of faults that the quick run of the tests looks for. The others take some seconds each, too."""


@pytest.fixture(scope="module")
def channels() -> Mapping[str, Workload]:
    loaded = load_channels("reference")
    return {name: loaded[name] for name in ("drawing", "alerts", "game")}


@pytest.fixture(scope="module")
def planted(channels: Mapping[str, Workload]) -> Iterator[Callable[[str], RunningServer]]:
    environment = [f"{name}={value}" for name, value in environment_of(channels).items()]
    with planting("tests.faulty.channels.typed:app", "plant", environment) as plant:
        yield plant


def options(*only: str, deadline_s: float) -> SuiteOptions:
    return SuiteOptions(examples=0, deadline_s=deadline_s, only=only)


def test_nothing_is_found_in_the_reference_server(
    planted: Callable[[str], RunningServer], channels: Mapping[str, Workload]
) -> None:
    checks = dict.fromkeys(check for _, check, *_ in PLANTED)
    report = run_suite(planted("none"), channels, options(*checks, deadline_s=PATIENT_S))
    assert findings_of(report) == []
    assert report.verdict() is Verdict.VALID


@pytest.mark.parametrize(
    ("fault", "check", "anomaly", "words"),
    [*PLANTED[:IN_SHORT], *(pytest.param(*each, marks=pytest.mark.slow) for each in PLANTED[IN_SHORT:])],
)
def test_a_planted_fault_is_found(
    planted: Callable[[str], RunningServer],
    channels: Mapping[str, Workload],
    fault: str,
    check: str,
    anomaly: Anomaly,
    words: str,
) -> None:
    report = run_suite(planted(fault), channels, options(check, deadline_s=2.0))
    (finding,) = (finding for finding in report.findings if finding.anomaly is anomaly)
    assert words in finding.explanation
    assert report.verdict() is Verdict.INVALID

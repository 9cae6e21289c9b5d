"""Tests that planted faults of the reference server's rooms, drawing, alerts and game are found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.delivery.planting import PATIENT_S, findings_of, planting
from wsproof import Level, Verdict, Workload
from wsproof.delivery import run_suite
from wsproof.model.finding import Anomaly
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.target.server import RunningServer
from wsproof.workloads import load_channels
from wsproof.workloads.settings import environment_of

REPEATED = [
    ("repeated stroke comes back", "drawing.repeated-inputs"),
    ("repeated turn counts again", "game.repeated-inputs"),
    ("repeated alert is sent again", "alerts.repeated-inputs"),
]
DIVERGED = [
    ("acknowledged alerts stay", "alerts.state-convergence"),
    ("unread alerts are forgotten", "alerts.state-convergence"),
    ("only the latest alerts stay", "alerts.state-convergence"),
    ("users that left stay in the list", "rooms.state-convergence"),
    ("undone stroke stays for newcomers", "drawing.state-convergence"),
    ("newcomers get the latest stroke only", "drawing.state-convergence"),
]
LOST = [("turns are dropped", "game.delivery"), ("only the last turn of a tick is sent", "game.delivery")]
TIMEOUT_S = 5.0
"""Deadline for a message that never arrives: a test waits for that long, once or twice."""


@pytest.fixture(scope="module")
def channels() -> Mapping[str, Workload]:
    loaded = load_channels("reference")
    return {name: loaded[name] for name in ("rooms", "drawing", "alerts", "game")}


@pytest.fixture(scope="module")
def planted(channels: Mapping[str, Workload]) -> Iterator[Callable[[str], RunningServer]]:
    environment = [f"{name}={value}" for name, value in environment_of(channels).items()]
    with planting("tests.faulty.channels.typed:app", "plant", environment) as plant:
        yield plant


def check(
    server: RunningServer, channels: Mapping[str, Workload], *only: str, deadline_s: float = PATIENT_S
) -> SuiteReport:
    return run_suite(server, channels, SuiteOptions(examples=0, deadline_s=deadline_s, only=only))


def test_nothing_is_found_in_the_reference_server(
    planted: Callable[[str], RunningServer], channels: Mapping[str, Workload]
) -> None:
    checks = dict.fromkeys(name for _, name in (*REPEATED, *DIVERGED, *LOST))
    report = check(planted("none"), channels, *checks)
    assert findings_of(report) == []
    assert report.verdict() is Verdict.VALID


@pytest.mark.parametrize(("fault", "name"), REPEATED)
def test_an_input_that_is_applied_twice_is_found(
    planted: Callable[[str], RunningServer], channels: Mapping[str, Workload], fault: str, name: str
) -> None:
    (finding,) = check(planted(fault), channels, name).findings
    assert (finding.check, finding.anomaly, finding.level) == (name, Anomaly.DUPLICATED, Level.VIOLATION)


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "name"), DIVERGED)
def test_members_with_different_states_are_found(
    planted: Callable[[str], RunningServer], channels: Mapping[str, Workload], fault: str, name: str
) -> None:
    (finding,) = check(planted(fault), channels, name, deadline_s=TIMEOUT_S).findings
    assert (finding.check, finding.anomaly, finding.level) == (name, Anomaly.DIVERGED, Level.VIOLATION)
    assert "know different states" in finding.explanation


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "name"), LOST)
def test_a_turn_that_is_not_delivered_is_found(
    planted: Callable[[str], RunningServer], channels: Mapping[str, Workload], fault: str, name: str
) -> None:
    report = check(planted(fault), channels, name, deadline_s=TIMEOUT_S)
    assert Anomaly.LOST in {finding.anomaly for finding in report.findings if finding.level is Level.VIOLATION}

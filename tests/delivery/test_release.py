"""Tests that resources leaked by former members are found, and that a server without leaks passes."""

from __future__ import annotations

import pytest

from wsproof import Verdict
from wsproof.delivery import run_suite
from wsproof.delivery.departures import DEPARTURES
from wsproof.delivery.release_probe import FEWEST_MEMBERS, MOST_MEMBERS, _ways
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.target.server import serve
from wsproof.target.target import parse_target
from wsproof.workloads import load_channels

APP = "tests.faulty.channels.late_faults:app"
WORKLOADS = {"chat": load_channels("tutorial")["chat"]}


def run(fault: str) -> SuiteReport:
    with serve(parse_target(APP, path="/ws", env=[f"FAULT={fault}"])) as server:
        return run_suite(server, WORKLOADS, SuiteOptions(only=("chat.resource-release",)))


def test_a_small_round_has_all_kinds_of_departures() -> None:
    names = {leave: name for name, leave in DEPARTURES.items()}
    small = [names[leave] for leave in _ways(FEWEST_MEMBERS)]
    assert any("code 1000" in name for name in small)
    assert any("FIN" in name for name in small)
    assert len(_ways(MOST_MEMBERS)) == len(set(_ways(MOST_MEMBERS))) == MOST_MEMBERS


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("leaks a file descriptor at an abrupt departure", "file descriptors: their number grew in each of"),
        ("leaks a seat at every departure", "although nobody was connected any more"),
    ],
)
def test_resources_that_the_server_keeps_are_reported(fault: str, words: str) -> None:
    report = run(fault)
    assert report.verdict() is Verdict.INVALID
    assert any(words in finding.explanation for finding in report.findings)


@pytest.mark.parametrize(
    "kind", ["", "accepts ten connections", "bans an address after a close frame with an error code"]
)
def test_a_server_that_releases_its_resources_has_no_finding(kind: str) -> None:
    report = run(kind)
    assert [finding for finding in report.findings if finding.level.counts] == []
    assert report.verdict() is Verdict.VALID

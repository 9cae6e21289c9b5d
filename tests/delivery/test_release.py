"""Tests that resources leaked by former members are found, and that a server without leaks passes."""

from __future__ import annotations

import pytest

from wsproof import Verdict
from wsproof.delivery import run_suite
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.target.server import serve
from wsproof.target.target import parse_target
from wsproof.workloads import load_channels

APP = "tests.faulty.channels.lasting:app"
WORKLOADS = {"chat": load_channels("tutorial")["chat"]}


def run(fault: str) -> SuiteReport:
    with serve(parse_target(APP, path="/ws", env=[f"FAULT={fault}"])) as server:
        return run_suite(server, WORKLOADS, SuiteOptions(only=("chat.resource-release",)))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("keeps a descriptor of who ends abruptly", "file descriptors: their number grew in each of"),
        ("keeps every seat", "although nobody was connected any more"),
    ],
)
def test_resources_that_the_server_keeps_are_reported(fault: str, words: str) -> None:
    report = run(fault)
    assert report.verdict() is Verdict.INVALID
    assert any(words in finding.explanation for finding in report.findings)


@pytest.mark.parametrize("kind", ["", "takes ten connections"])
def test_a_server_that_releases_its_resources_has_no_finding(kind: str) -> None:
    report = run(kind)
    assert [finding for finding in report.findings if finding.level.counts] == []
    assert report.verdict() is Verdict.VALID

"""Tests of the documented example as printed, with a correct server and with faulty ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import pytest

import wsproof.workloads
from wsproof import Contract, Level, MessageKind, Verdict, Workload
from wsproof.delivery import planned, run_suite
from wsproof.model.finding import Anomaly
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.target.server import serve
from wsproof.target.target import parse_target
from wsproof.workloads import load_channels

APP = "tests.workloads.apps.pubsub:app"
README = Path(wsproof.workloads.__file__).with_name("README.md")
OPTIONS = SuiteOptions(examples=6, deadline_s=2.0)


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Workload]:
    """Return the channels of the Python block in the README, imported like a user's module."""
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    (block,) = (text for text in blocks if "class PubSub" in text)
    folder = tmp_path_factory.mktemp("documented")
    (folder / "my_documented_channels.py").write_text(block, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return load_channels("my_documented_channels")


def check(fault: str, workloads: Mapping[str, Workload], *only: str, options: SuiteOptions = OPTIONS) -> SuiteReport:
    with serve(parse_target(APP, path="/pubsub", env=[f"FAULT={fault}"])) as server:
        return run_suite(server, workloads, options.but(only=only or options.only))


@pytest.mark.parametrize(
    "options",
    [
        SuiteOptions(examples=2, only=("pubsub.delivery",)),
        pytest.param(SuiteOptions(examples=6), marks=pytest.mark.slow),
    ],
    ids=["delivery", "all"],
)
def test_the_documented_channel_passes_on_a_correct_server(
    documented: Mapping[str, Workload], options: SuiteOptions
) -> None:
    report = check("", documented, options=options)
    assert report.findings == ()
    assert report.verdict() is Verdict.VALID
    assert len(report.checks_run) == len(planned(documented, options))


@pytest.mark.parametrize(
    ("fault", "named", "anomaly"),
    [
        ("every fifth is lost", "pubsub.delivery", Anomaly.LOST),
        ("messages leak", "pubsub.delivery", Anomaly.MISROUTED),
        ("notices leak", "pubsub.leave-notices", Anomaly.MISROUTED),
        ("departures are not announced", "pubsub.leave-notices", Anomaly.MISSING_LEAVE),
    ],
)
def test_the_documented_channel_finds_a_planted_fault(
    documented: Mapping[str, Workload], fault: str, named: str, anomaly: Anomaly
) -> None:
    report = check(fault, documented, named)
    assert report.verdict() is Verdict.INVALID
    observed = [(finding.check, finding.anomaly, finding.reproduced) for finding in report.findings]
    assert observed == [(named, anomaly, "3 of 3")]


ALIKE = ("pubsub.delivery", "pubsub.protocol-error-isolation", "pubsub.slow-reader-isolation")
"""Properties that lose messages to the same fault, with and without a misbehaving member."""


@pytest.mark.parametrize("only", [ALIKE, pytest.param((), marks=pytest.mark.slow)], ids=["some", "all"])
def test_a_loss_in_several_properties_is_reported_once_without_a_cause(
    documented: Mapping[str, Workload], only: tuple[str, ...]
) -> None:
    report = check("every fifth is lost", documented, *only, options=OPTIONS.but(deadline_s=1.0))
    violations = [finding for finding in report.findings if finding.level is Level.VIOLATION]
    assert [finding.anomaly for finding in violations] == [Anomaly.LOST]
    assert "disturbs" not in violations[0].explanation
    assert "stalls the room" not in violations[0].explanation
    assert "The same was seen while" in violations[0].explanation
    invalid = [row for row in report.checks_run if row.verdict is Verdict.INVALID]
    assert len(invalid) > 1
    assert all("the same finding as" in row.reason for row in invalid[1:])


def test_the_guide_names_all_promises_and_kinds_of_messages() -> None:
    names = [field.name for field in fields(Contract)] + [kind.name for kind in MessageKind]
    guide = README.read_text(encoding="utf-8")
    assert [name for name in names if f"`{name}`" not in guide] == []

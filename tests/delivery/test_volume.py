"""One lost or repeated message in hundreds is found, and a server that defends itself under load is not accused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from wsproof.delivery import run_suite
from wsproof.model.finding import Anomaly, Finding, Level, Verdict
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.target.server import RunningServer, serve
from wsproof.target.target import parse_target
from wsproof.workloads import load_channels

APP = "tests.faulty.channels.lasting:app"
WORKLOADS = {"chat": load_channels("tutorial")["chat"]}


@pytest.fixture(scope="module")
def planted() -> Iterator[Callable[[str], RunningServer]]:
    """Plants a fault in a server that is not ours to replace, so that nothing is repeated."""
    with serve(parse_target(APP, path="/ws")) as server:
        address = f"{server.endpoint.host}:{server.endpoint.port}"
        with serve(parse_target(f"ws://{address}/ws")) as reached:

            def plant(fault: str) -> RunningServer:
                urlopen(f"http://{address}/fault/{quote(fault)}", timeout=90).close()
                return reached

            yield plant


def run(server: RunningServer) -> SuiteReport:
    return run_suite(server, WORKLOADS, SuiteOptions(only=("chat.volume",)))


def counted(report: SuiteReport) -> list[Finding]:
    return [finding for finding in report.findings if finding.level.counts]


@pytest.mark.parametrize(
    ("fault", "anomaly"),
    [
        ("rarely loses one for one member", Anomaly.LOST),
        ("rarely repeats", Anomaly.DUPLICATED),
        ("rarely swaps two", Anomaly.REORDERED),
        ("drops what does not fit into its queue", Anomaly.LOST),
        ("forgets all beyond thirty", Anomaly.LOST),
    ],
)
def test_what_only_volume_shows_is_found(planted: Callable[[str], RunningServer], fault: str, anomaly: Anomaly) -> None:
    assert [finding.anomaly for finding in counted(run(planted(fault)))] == [anomaly]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("drops what is above its rate", "seems to limit the rate"),
        ("cuts off slow consumers", "with close code 1013 (try again later)"),
        ("takes ten connections", "took 10 members at once and refused the next one"),
    ],
)
def test_a_server_that_defends_itself_is_not_accused(
    planted: Callable[[str], RunningServer], kind: str, words: str
) -> None:
    report = run(planted(kind))
    assert counted(report) == []
    limits = [finding for finding in report.findings if words in finding.explanation]
    assert [finding.level for finding in limits] == [Level.INFORMATIONAL]


def test_a_right_server_takes_it_all_and_its_rate_is_told(planted: Callable[[str], RunningServer]) -> None:
    report = run(planted(""))
    assert report.findings == ()
    assert report.verdict() is Verdict.VALID
    assert {"rate taken", "members at once"} <= {figure.name for figure in report.checks_run[0].measured}

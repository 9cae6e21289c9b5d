"""Tests that findings are sorted by severity, in the same order in every output."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from rich.console import Console

from tests.report.samples import comparison, record, violation
from wsproof import Finding, Level
from wsproof.conformance.rules import rule
from wsproof.model.chapter import Harm
from wsproof.model.finding import Anomaly, severity
from wsproof.model.suite import SuiteReport
from wsproof.report.formats.junit import junit_xml
from wsproof.report.formats.markdown import run_markdown
from wsproof.report.formats.page import run_page
from wsproof.report.formats.terminal import show_check

WORST_FIRST = (
    violation(check="z-died", anomaly=Anomaly.PROTOCOL, rule_harm=Harm.PROCESS_DIED),
    violation(check="y-stalled", anomaly=Anomaly.STALLED_BY_OTHER_MEMBER),
    violation(check="x-unserved", anomaly=Anomaly.PROTOCOL, rule_harm=Harm.OTHERS_NOT_SERVED, section="robustness"),
    violation(check="w-lost", anomaly=Anomaly.LOST),
    violation(check="v-must", anomaly=Anomaly.PROTOCOL),
    violation(check="u-unsure", anomaly=Anomaly.UNKNOWN, level=Level.INFORMATIONAL),
    violation(check="t-should", anomaly=Anomaly.LOST, level=Level.NON_STRICT),
    violation(check="s-information", level=Level.INFORMATIONAL),
)
NAMES = [finding.check for finding in WORST_FIRST]


def named(text: str) -> list[str]:
    """Return the findings' names in order of first occurrence in a text."""
    return sorted(NAMES, key=text.index)


def test_the_worst_finding_comes_first_in_every_output() -> None:
    mixed = (*WORST_FIRST[1::2], *WORST_FIRST[::2])
    report = SuiteReport(0, findings=mixed)
    assert [row["check"] for row in report.to_json()["findings"]] == NAMES
    assert [row["check"] for row in record(findings=mixed).to_json()["findings"]] == NAMES
    assert [row["check"] for row in comparison(findings=mixed).to_json()["findings"]] == NAMES
    cases = ElementTree.fromstring(junit_xml(report).encode()).iter("testcase")
    assert [case.get("name") for case in cases] == NAMES
    console = Console(record=True, width=200)
    with console.capture() as shown:
        show_check(console, report)
    assert named(shown.get()) == NAMES
    run = record(findings=mixed)
    assert named(run_markdown(run).partition("### Findings")[2]) == NAMES
    assert named(run_page(run).partition('id="findings"')[2]) == NAMES


@pytest.mark.parametrize("finding", WORST_FIRST, ids=NAMES)
def test_the_file_of_a_finding_keeps_its_harm(finding: Finding) -> None:
    restored = Finding.from_json(finding.to_json())
    assert (restored, restored.harm) == (finding, finding.harm)


def test_a_document_without_harm_is_read() -> None:
    old = {name: value for name, value in violation(anomaly=Anomaly.CORRUPT).to_json().items() if name != "harm"}
    assert Finding.from_json(old).harm is Harm.DATA


def test_harm_is_a_property_of_the_rule() -> None:
    assert rule("other-clients-served").harm is Harm.OTHERS_NOT_SERVED
    assert rule("served-despite-flood").harm is Harm.OTHERS_NOT_SERVED
    assert rule("messages-intact").harm is Harm.DATA
    assert rule("host-required").harm is None
    assert sorted(WORST_FIRST, key=severity) == list(WORST_FIRST)


def test_the_harm_of_a_finding_is_bounded_by_its_level() -> None:
    assert violation(level=Level.NON_STRICT, rule_harm=Harm.OTHERS_NOT_SERVED).harm is Harm.SHOULD

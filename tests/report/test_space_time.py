"""Tests that the diagram of a finding shows who sent what, who received it, and who did not."""

from __future__ import annotations

from xml.etree import ElementTree

from tests.report.samples import record, suite_report, violation
from wsproof import Finding, Verdict
from wsproof.model.finding_event import EventKind, FindingEvent
from wsproof.report.charts.space_time import events_in_words, space_time_chart
from wsproof.report.formats.page import run_page

LOST = (
    FindingEvent(12.0, "member 0", EventKind.SENT, "message 3 of member 0"),
    FindingEvent(13.5, "member 1", EventKind.RECEIVED, "message 3 of member 0"),
    FindingEvent(60.0, "member 2 (called '<b>')", EventKind.MISSING, "message 3 of member 0"),
)


def test_every_member_has_a_line_and_every_message_an_arrow_to_each_receiver() -> None:
    root = ElementTree.fromstring(space_time_chart(LOST, "k"))
    labels = [node.text for node in root.iter("text")]
    assert {"member 0", "member 1", "member 2 (called '<b>')", "message 3", "never", "+13.5 ms"} <= set(labels)
    lines = [node.get("class") for node in root.iter("path") if "line" in (node.get("class") or "")]
    assert lines == ["line s1", "line s2"]


def test_the_events_are_described_in_one_sentence_with_names_and_times() -> None:
    assert events_in_words(LOST[:2]) == (
        "member 0 sent message 3 of member 0 at +12.0 ms; member 1 received message 3 of member 0 at +13.5 ms."
    )
    assert "member 2 (called '<b>') had not received message 3 of member 0 by +60.0 ms" in events_in_words(LOST)


def test_a_finding_without_a_sent_message_has_no_diagram() -> None:
    assert space_time_chart((), "k") == ""
    assert space_time_chart(LOST[1:], "k") == ""


def test_events_are_stored_with_their_finding() -> None:
    finding = violation(events=LOST)
    assert Finding.from_json(finding.to_json()) == finding


def test_the_page_of_a_run_shows_the_diagram_of_a_finding_and_its_events_in_words() -> None:
    page = run_page(record(check=suite_report(violation(events=LOST)), verdict=Verdict.INVALID))
    assert 'class="chart space-time"' in page
    assert "member 1 received message 3 of member 0 at +13.5 ms" in page
    assert "<b>" not in page

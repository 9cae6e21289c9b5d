"""Tests of the effect of a known deviation on the checks that show it."""

from __future__ import annotations

from wsproof import Finding, Level, Verdict
from wsproof.conformance.catalogue import was_tried
from wsproof.deviations import Deviation, KnownDeviations
from wsproof.model.finding import Anomaly
from wsproof.model.suite import CheckRun, SuiteReport


def test_a_check_that_fails_only_by_an_accepted_deviation_passes() -> None:
    known = KnownDeviations(own=(Deviation("deflate-declined", "7.1", "no switch for it"),))
    finding = Finding("deflate-declined", "7.1", Anomaly.PROTOCOL, Level.VIOLATION, "It ended TCP.")
    rows = (
        CheckRun("deflate-declined", "7.1", "", Verdict.INVALID, 1, 0.0),
        CheckRun("deflate-offers", "7.1", "", Verdict.INVALID, 1, 0.0, cause="deflate-declined"),
        CheckRun("rsv-zero", "5.2", "", Verdict.INVALID, 1, 0.0, cause="opcode-reserved"),
    )
    report = known.mark_report(SuiteReport(0, rows, (finding,)), was_tried)
    assert [row.verdict for row in report.checks_run] == [Verdict.VALID, Verdict.VALID, Verdict.INVALID]
    assert report.checks_run[1].remark == "of the same cause as deflate-declined; known deviation, accepted"


def test_under_load_only_listed_deviations_are_accepted() -> None:
    known = KnownDeviations(own=(Deviation("server-masked", "5.1", "an old proxy"),))
    masked = Finding("server-masked", "5.1", Anomaly.PROTOCOL, Level.VIOLATION, "It masked a frame.")
    lost = Finding("lost", "", Anomaly.LOST, Level.VIOLATION, "One is missing.")
    assert [finding.accepted for finding in known.mark([masked, lost])] == ["an old proxy", None]
    assert KnownDeviations().mark([masked, lost]) == (masked, lost)

"""What an accepted deviation does to the checks that show it."""

from __future__ import annotations

from pathlib import Path

from wsproof.cli.accepted import mark_accepted, mark_seen
from wsproof.model.finding import Anomaly, Finding, Level, Verdict
from wsproof.model.suite import CheckRun, SuiteReport


def test_a_check_that_fails_of_an_accepted_cause_does_not_fail(tmp_path: Path) -> None:
    known = tmp_path / "known.toml"
    known.write_text('[[deviation]]\ncheck = "deflate-declined"\nsection = "7.1"\nreason = "no switch for it"\n')
    finding = Finding("deflate-declined", "7.1", Anomaly.PROTOCOL, Level.VIOLATION, "It ended TCP.")
    rows = (
        CheckRun("deflate-declined", "7.1", "", Verdict.INVALID, 1, 0.0),
        CheckRun("deflate-offers", "7.1", "", Verdict.INVALID, 1, 0.0, cause="deflate-declined"),
        CheckRun("rsv-zero", "5.2", "", Verdict.INVALID, 1, 0.0, cause="opcode-reserved"),
    )
    report = mark_accepted(SuiteReport(0, rows, (finding,)), known)
    assert [row.verdict for row in report.checks_run] == [Verdict.VALID, Verdict.VALID, Verdict.INVALID]
    assert report.checks_run[1].remark == "of the same cause as deflate-declined; known deviation, accepted"


def test_what_is_accepted_and_shows_under_load_is_accepted_there_and_nothing_else_is(tmp_path: Path) -> None:
    known = tmp_path / "known.toml"
    known.write_text('[[deviation]]\ncheck = "server-masked"\nsection = "5.1"\nreason = "an old proxy"\n')
    masked = Finding("server-masked", "5.1", Anomaly.PROTOCOL, Level.VIOLATION, "It masked a frame.")
    lost = Finding("lost", "", Anomaly.LOST, Level.VIOLATION, "One is missing.")
    assert [one.accepted for one in mark_seen([masked, lost], known)] == ["an old proxy", None]
    assert mark_seen([masked, lost], None) == (masked, lost)

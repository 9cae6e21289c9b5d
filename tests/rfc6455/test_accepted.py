"""Accepted deviations are shown with their reason, and missed when they are gone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from wsproof.errors import UsageError
from wsproof.model.finding import Anomaly, Finding, Level, Verdict
from wsproof.model.suite import CheckRun
from wsproof.rfc6455.accepted import Deviation, apply, load_accepted
from wsproof.rfc6455.rules import RULES

_FINDING = Finding("host-required", "4.2.1", Anomaly.PROTOCOL, Level.VIOLATION, "it was accepted")
_KNOWN = Deviation("host-required", "4.2.1", "the library does so", "issue 1")
_RUN = CheckRun("host-required", "4.2.1", "missing Host", Verdict.VALID, 1, 0.1)
_FILES = sorted(Path(__file__).parents[2].joinpath("target_app", "accepted").glob("*.toml"))


def test_an_accepted_finding_keeps_its_reason_and_no_longer_counts() -> None:
    (marked,) = apply([_FINDING], [_KNOWN], checks_run=[_RUN])
    assert marked.accepted == "the library does so (issue 1)"
    assert marked.verdict() is Verdict.VALID


def test_another_finding_still_counts() -> None:
    other = Deviation("method-get", "4.2.1", "reason")
    assert apply([_FINDING], [other], checks_run=[_RUN])[0].verdict() is Verdict.INVALID


def test_what_else_a_cause_breaks_must_be_accepted_too_and_is_not_gone() -> None:
    both = replace(_FINDING, recipe={"also": ["server-http-version"]})
    other = Deviation("server-http-version", "4.2.2", "follows from it")
    assert apply([both], [_KNOWN], checks_run=[_RUN])[0].accepted is None
    (marked,) = apply([both], [_KNOWN, other], checks_run=[_RUN])
    assert marked.accepted is not None


def test_an_intermittent_deviation_covers_what_comes_and_goes_and_is_not_missed() -> None:
    race = replace(_KNOWN, intermittent=True)
    for reproduced, accepted in (("0 of 3", True), ("1 of 3", True), ("3 of 3", False), (None, False)):
        (marked,) = apply([replace(_FINDING, reproduced=reproduced)], [race], checks_run=[_RUN])
        assert (marked.accepted is not None) == accepted
    assert apply([], [race], checks_run=[_RUN]) == []


def test_intermittent_is_yes_or_no(tmp_path: Path) -> None:
    path = tmp_path / "accepted.toml"
    entry = "[[deviation]]\ncheck = 'x'\nsection = '1'\nreason = 'a race'\nintermittent = "
    path.write_text(entry + "true")
    assert load_accepted(path)[0].intermittent
    path.write_text(entry + "'seldom'")
    with pytest.raises(UsageError, match="true or false"):
        load_accepted(path)


@pytest.mark.parametrize("level", [Level.NON_STRICT, Level.VIOLATION])
def test_a_deviation_that_is_gone_is_reported(level: Level) -> None:
    (gone,) = apply([], [_KNOWN], checks_run=[_RUN], gone=level)
    assert (gone.check, gone.level) == ("host-required", level)
    assert "did not show any more" in gone.explanation


def test_a_deviation_whose_check_was_not_run_is_not_missed() -> None:
    assert apply([], [_KNOWN], checks_run=[]) == []
    cut = CheckRun("host-required", "4.2.1", "missing Host", Verdict.VALID, 0, 0.1, "cut short")
    assert apply([], [_KNOWN], checks_run=[cut]) == []


@pytest.mark.parametrize(
    "text", ["[[deviation]]\ncheck = 'x'\nsection = '1'", "[[deviation]]\nwhy = 1", "not toml", "deviation = [1]"]
)
def test_a_file_without_reasons_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "accepted.toml"
    path.write_text(text)
    with pytest.raises(UsageError):
        load_accepted(path)


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.stem)
def test_the_shipped_files_name_rules_that_exist_and_say_why(path: Path) -> None:
    sections = {rule.id: rule.section for rule in RULES}
    deviations = load_accepted(path)
    assert deviations
    for deviation in deviations:
        assert sections[deviation.check] == deviation.section
        assert len(deviation.reason) > 30
        assert deviation.upstream

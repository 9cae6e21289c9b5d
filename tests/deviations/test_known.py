"""Tests that known deviations are shown with their reason, and that missing ones of a named file are reported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from wsproof import Finding, Level, UsageError, Verdict
from wsproof.conformance.catalogue import was_tried
from wsproof.conformance.rules import RULES
from wsproof.delivery import CHANNEL_CHECKS
from wsproof.deviations import Deviation, KnownDeviations, deviations_file, load_deviations, shipped_deviations
from wsproof.deviations.deviation import in_range
from wsproof.deviations.shipped import require_hint, shipped_names
from wsproof.model.finding import Anomaly
from wsproof.model.suite import CheckRun, SuiteReport
from wsproof.target.servers import SERVERS
from wsproof.workloads import load_channels

_FINDING = Finding(
    "host-required",
    "4.2.1",
    Anomaly.PROTOCOL,
    Level.VIOLATION,
    "Expected the handshake to be refused, since there is no Host, but the server accepted it (101).",
    witness=("got: the server accepted it (101)",),
)
_KNOWN = Deviation("host-required", "4.2.1", "the library does so", "issue 1")
_RUN = CheckRun("host-required", "4.2.1", "missing Host", Verdict.VALID, 1, 0.1)
_APP_FILES = sorted(Path(__file__).parents[2].joinpath("target_app", "accepted").glob("*.toml"))


def judged(
    findings: Iterable[Finding], own: Iterable[Deviation], runs: Iterable[CheckRun] = (_RUN,), *, named: bool = False
) -> tuple[Finding, ...]:
    """Return the findings of a report after applying the user's known deviations."""
    known = KnownDeviations(own=tuple(own), named=named)
    return known.mark_report(SuiteReport(0, tuple(runs), tuple(findings)), was_tried).findings


def test_an_accepted_finding_keeps_its_reason_and_no_longer_counts() -> None:
    (marked,) = judged([_FINDING], [_KNOWN])
    assert marked.accepted == "the library does so (issue 1)"
    assert marked.verdict() is Verdict.VALID
    assert marked.library is None


def test_another_finding_still_counts() -> None:
    other = Deviation("method-get", "4.2.1", "reason")
    assert judged([_FINDING], [other])[0].verdict() is Verdict.INVALID


def test_consequences_of_a_cause_must_be_accepted_and_are_not_reported_as_missing() -> None:
    both = replace(_FINDING, recipe={"also": ["server-http-version"]})
    other = Deviation("server-http-version", "4.2.2", "follows from it")
    assert judged([both], [_KNOWN])[0].accepted is None
    (marked,) = judged([both], [_KNOWN, other])
    assert marked.accepted is not None


def test_an_implied_deviation_is_known_only_together_with_its_cause() -> None:
    implying = replace(_KNOWN, implies=("server-http-version",))
    both = replace(_FINDING, recipe={"also": ["server-http-version"]})
    alone = replace(_FINDING, check="server-http-version", section="4.2.2")
    marked, other = judged([both, alone], [implying])
    assert marked.accepted is not None
    assert other.accepted is None


def test_evidence_of_another_kind_is_another_finding() -> None:
    narrow = replace(_KNOWN, matches=("no Host", r"got: .*\(101\)"))
    assert judged([_FINDING], [narrow])[0].accepted is not None
    crashed = replace(_FINDING, witness=("got: it answered HTTP/1.1 500",))
    assert judged([crashed], [narrow])[0].accepted is None


def test_an_intermittent_deviation_covers_an_intermittent_finding_and_may_be_absent() -> None:
    race = replace(_KNOWN, intermittent=True)
    for reproduced, accepted in (("0 of 3", True), ("1 of 3", True), ("3 of 3", False), (None, False)):
        (marked,) = judged([replace(_FINDING, reproduced=reproduced)], [race])
        assert (marked.accepted is not None) == accepted
    assert judged([], [race]) == ()


def test_intermittent_must_be_a_boolean(tmp_path: Path) -> None:
    path = tmp_path / "accepted.toml"
    entry = "[[deviation]]\ncheck = 'x'\nsection = '1'\nreason = 'a race'\nintermittent = "
    path.write_text(entry + "true")
    assert load_deviations(path)[0].intermittent
    path.write_text(entry + "'seldom'")
    with pytest.raises(UsageError, match="true or false"):
        load_deviations(path)


@pytest.mark.parametrize(("named", "level"), [(False, Level.NON_STRICT), (True, Level.VIOLATION)])
def test_a_deviation_of_the_users_file_that_no_longer_occurs_is_reported(named: bool, level: Level) -> None:
    (missing,) = judged([], [_KNOWN], named=named)
    assert (missing.check, missing.level) == ("host-required", level)
    assert "no longer occurs" in missing.explanation


def test_a_shipped_deviation_that_no_longer_occurs_is_no_finding() -> None:
    known = KnownDeviations(shipped=(_KNOWN,), named=True)
    assert known.mark_report(SuiteReport(0, (_RUN,)), was_tried).findings == ()


def test_a_deviation_whose_check_was_not_run_is_not_reported_as_missing() -> None:
    assert judged([], [_KNOWN], []) == ()
    cut = CheckRun("host-required", "4.2.1", "missing Host", Verdict.VALID, 0, 0.1, "cut short")
    assert judged([], [_KNOWN], [cut]) == ()


def test_the_users_own_reason_comes_before_that_of_the_library() -> None:
    library = replace(_KNOWN, reason="so is the library", library="uvicorn 1")
    known = KnownDeviations(own=(_KNOWN,), shipped=(library,))
    (marked,) = known.mark([_FINDING])
    assert marked.accepted == "the library does so (issue 1)"
    assert marked.library is None


def test_known_deviations_survive_encoding_for_another_process() -> None:
    known = KnownDeviations((_KNOWN,), shipped_deviations("uvicorn-websockets", None), named=True)
    assert KnownDeviations.from_json(known.to_json()) == known


@pytest.mark.parametrize(
    "text",
    [
        "[[deviation]]\ncheck = 'x'\nsection = '1'",
        "[[deviation]]\nwhy = 1",
        "not toml",
        "deviation = [1]",
        "deviation = 1",
        "[[deviation]]\ncheck = 'x'\nsection = '1'\nreason = 'r'\nmatches = ['(']",
        "[[deviation]]\ncheck = 'x'\nsection = '1'\nreason = 'r'\nmatches = 'text'",
        "[[deviation]]\ncheck = 'x'\nsection = '1'\nreason = 'r'\nversions = { uvicorn = 'new' }",
    ],
)
def test_a_file_without_reasons_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "accepted.toml"
    path.write_text(text)
    with pytest.raises(UsageError):
        load_deviations(path)


def test_a_written_file_has_all_counting_findings_and_is_refused_until_it_has_reasons(tmp_path: Path) -> None:
    known = replace(_FINDING, check="method-get", accepted="known")
    unsure = replace(_FINDING, check="received", anomaly=Anomaly.UNKNOWN)
    mere = replace(_FINDING, check="length-minimal", level=Level.INFORMATIONAL)
    often = replace(_FINDING, check='a"b', section="5.5", level=Level.NON_STRICT, reproduced="1 of 3")
    path = tmp_path / "known.toml"
    path.write_text(deviations_file([_FINDING, known, unsure, mere, often, _FINDING]))
    with pytest.raises(UsageError, match="lacks reason"):
        load_deviations(path)
    path.write_text(path.read_text().replace('reason = ""', 'reason = "our proxy refuses them"'))
    first, second = load_deviations(path)
    assert (first.check, first.section, first.intermittent) == ("host-required", "4.2.1", False)
    assert (second.check, second.intermittent) == ('a"b', True)
    assert KnownDeviations(own=(first, second)).mark([_FINDING])[0].accepted == "our proxy refuses them"


@pytest.mark.parametrize(
    ("version", "requirement", "expected"),
    [
        ("17.4", ">=17", True),
        ("17.0rc1", ">=17", True),
        ("16.9.1", ">=17", False),
        ("0.54.0", ">=0.34,<0.55", True),
        ("0.55", ">=0.34,<0.55", False),
        ("0.9", "<0.10", True),
        ("2", "==2.0", True),
        (None, ">=0", False),
    ],
)
def test_versions_are_compared_number_by_number(version: str | None, requirement: str, expected: bool) -> None:
    assert in_range(version, requirement) is expected


@pytest.mark.parametrize(
    ("server", "installed", "check", "expected"),
    [
        ("uvicorn-websockets", {"uvicorn": "0.54", "websockets": "17.4", "httptools": "0.9"}, "header-names", True),
        ("uvicorn-websockets", {"uvicorn": "0.54", "websockets": "17.4"}, "header-names", False),
        ("uvicorn-websockets", {"uvicorn": "0.54", "websockets": "16.0"}, "extra-headers", False),
        ("uvicorn-websockets", None, "extra-headers", True),
        ("uvicorn", None, "fail-close-frame", True),
        ("nginx", None, "fail-close-frame", False),
    ],
)
def test_known_deviations_depend_on_server_and_versions(
    server: str, installed: Mapping[str, str] | None, check: str, expected: bool
) -> None:
    assert (check in {known.check for known in shipped_deviations(server, installed)}) is expected


@pytest.mark.parametrize(
    ("answer", "is_known"), [("200 OK", True), ("404 Not Found", True), ("403 Forbidden", False), ("400 Bad", False)]
)
@pytest.mark.parametrize("server", ["uvicorn-websockets", "hypercorn"])
def test_a_handshake_treated_as_an_http_request_is_known_with_any_answer_of_the_application(
    server: str, answer: str, is_known: bool
) -> None:
    """Cover applications with a page at the path of their WebSocket, and with refusals (403, 400) of their own."""
    witness = ("->   Connection: Upgrade", "->   Connection: keep-alive", f"got: it answered HTTP/1.1 {answer}")
    split = replace(_FINDING, check="connection-list", witness=witness)
    (marked,) = KnownDeviations(shipped=shipped_deviations(server, None)).mark([split])
    assert (marked.accepted is not None) == is_known


def test_the_libraries_are_described_with_their_versions() -> None:
    known = shipped_deviations("uvicorn-websockets", {"uvicorn": "0.54.0", "websockets": "17.4"})
    assert {deviation.library for deviation in known} == {"uvicorn 0.54.0 on websockets 17.4"}
    assert {deviation.library for deviation in shipped_deviations("granian", None)} == {"granian"}


def test_an_unknown_hint_is_refused_with_the_known_names() -> None:
    with pytest.raises(UsageError, match="uvicorn-wsproto"):
        require_hint("apache")
    with pytest.raises(UsageError):
        require_hint("uvicorn-http")  # This hint is a part of other hints.


def test_every_server_that_wsproof_starts_has_its_file() -> None:
    assert set(SERVERS) <= set(shipped_names())


@pytest.mark.parametrize("name", shipped_names())
def test_the_shipped_files_name_existing_rules_and_give_reasons(name: str) -> None:
    known = shipped_deviations(name, None)
    assert known
    _assert_rules_exist_and_have_reasons(known)


@pytest.mark.parametrize("path", _APP_FILES, ids=lambda path: path.stem)
def test_the_files_of_the_reference_server_name_existing_rules_and_give_reasons(path: Path) -> None:
    own = load_deviations(path)
    assert own
    _assert_rules_exist_and_have_reasons(own)
    shipped = {deviation.check for deviation in shipped_deviations(path.stem, None)}
    assert not shipped & {
        deviation.check for deviation in own
    }  # Deviations of the library belong in the library's file.


def _assert_rules_exist_and_have_reasons(deviations: Iterable[Deviation]) -> None:
    sections = {rule.id: rule.section for rule in RULES}
    for channel in load_channels("reference"):
        sections |= {f"{channel}.{check.name}": channel for check in CHANNEL_CHECKS}
    for deviation in deviations:
        assert sections[deviation.check] == deviation.section
        assert len(deviation.reason) > 30
        assert deviation.upstream

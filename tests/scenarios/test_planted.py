"""Tests that Locust fails on servers with one fault each, and names the failure after the check."""

from __future__ import annotations

import pytest

from tests.scenarios.locusts import Ended, Locust, end_proven, run_together, start_until_proven

FAULTS = {
    "drops": "chat: lost",
    "duplicates": "chat: duplicated",
    "reorders": "chat: reordered",
    "corrupts": "chat: corrupt",
    "dies": "chat: disconnected",
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    def start(fault: str) -> Locust:
        return start_until_proven(tmp_path_factory.mktemp(fault), fault)

    return run_together(start, (*FAULTS, "correct"), end_proven)


@pytest.mark.parametrize(("fault", "name"), FAULTS.items())
def test_a_planted_fault_fails_under_the_name_of_its_check(runs: dict[str, Ended], fault: str, name: str) -> None:
    ended = runs[fault]
    assert ended.code == 1, ended.output
    is_excused = ended.was_frozen and fault in ("drops", "dies")
    assert ended.rooms["chat"]["verdict"] == ("unknown" if is_excused else "invalid")
    report = ended.output.partition("Error report")[2]
    assert name in report
    assert name.removeprefix("chat: ") in {finding["check"] for finding in ended.findings_of("chat")}


def test_the_same_server_without_a_fault_is_valid(runs: dict[str, Ended]) -> None:
    assert runs["correct"].code == runs["correct"].code_if_valid, runs["correct"].output
    assert runs["correct"].findings_of("chat") == []


def test_no_other_fault_is_reported(runs: dict[str, Ended]) -> None:
    violations = {
        fault: {f["anomaly"] for f in runs[fault].findings_of("chat") if f["level"] == "violation"}
        for fault in ("drops", "duplicates", "reorders", "corrupts")
    }
    assert violations["drops"] == (set() if runs["drops"].was_frozen else {"lost"})
    assert violations["duplicates"] == {"duplicated"}
    assert violations["reorders"] == {"reordered"}
    assert violations["corrupts"] <= {"corrupt", "lost"}


def test_a_server_that_crashes_is_one_failure_per_user_without_a_traceback(runs: dict[str, Ended]) -> None:
    report = runs["dies"].output.partition("Error report")[2]
    (line,) = [line for line in report.splitlines() if "chat: connection" in line]
    assert line.split()[0] == "3"
    assert "the server ended the connection without a close frame" in line
    assert "Traceback" not in runs["dies"].output

"""Tests that former names of checks, anomalies and trust warnings are accepted in files, options and records."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsproof import Finding, Level, Verdict
from wsproof.checks import CHECKS
from wsproof.conformance.rules import RULES
from wsproof.delivery import CHANNEL_CHECKS
from wsproof.deviations.toml_file import load_deviations
from wsproof.model.finding import Anomaly
from wsproof.model.former_names import FORMER_ANOMALIES, FORMER_CHECKS, FORMER_WARNINGS, current_check, former_checks
from wsproof.model.suite import CheckRun, NotRun, SuiteOptions
from wsproof.model.summary import TrustWarning, Void
from wsproof.stats.objective import parse_objective


def test_a_former_name_of_a_check_is_no_current_name() -> None:
    current = {rule.id for rule in RULES} | {each.name for each in (*CHECKS, *CHANNEL_CHECKS)}
    assert current.isdisjoint(FORMER_CHECKS)
    of_findings = {name for name in FORMER_CHECKS.values() if name.endswith("-not-freed")} | {"no-verdict"}
    assert set(FORMER_CHECKS.values()) - of_findings <= current


def test_a_channel_stays_in_front_of_a_translated_name() -> None:
    assert current_check("chat.last-words") == "chat.messages-before-close"
    assert "chat.last-words" in former_checks("chat.messages-before-close")
    assert current_check("host-required") == "host-required"


def test_only_selects_a_rule_by_its_former_name() -> None:
    assert SuiteOptions(only=("control-between",)).wants("control-between-fragments", "5.4")
    assert SuiteOptions(only=("any-order",)).wants("mixed-frames", "5")


@pytest.mark.parametrize("word", ["sleeping-neighbour", "chat.sleeping", "slow-reader", "chat.slow-reader-isolation"])
def test_only_selects_a_check_by_its_current_or_former_name(word: str) -> None:
    assert SuiteOptions(only=(word,)).wants("chat.slow-reader-isolation", "chat")
    assert not SuiteOptions(only=(word,)).wants("chat.order", "chat")


def test_a_file_of_known_deviations_may_use_former_names(tmp_path: Path) -> None:
    path = tmp_path / "deviations.toml"
    entry = ["[[deviation]]", 'check = "unread-bounded"', 'section = "robustness"', 'reason = "x"']
    path.write_text("\n".join([*entry, 'implies = ["neighbour-served"]']))
    (deviation,) = load_deviations(path)
    assert (deviation.check, deviation.implies) == ("send-buffer-bounded", ("other-clients-served",))
    finding = Finding("send-buffer-bounded", "robustness", Anomaly.PROTOCOL, Level.NON_STRICT, "x")
    assert deviation.covers(finding)


@pytest.mark.parametrize(("former", "current"), FORMER_ANOMALIES.items())
def test_a_stored_finding_is_read_with_current_names(former: str, current: str) -> None:
    written = Finding("ghost", "chat", Anomaly.LOST, Level.VIOLATION, "x").to_json() | {"anomaly": former}
    read = Finding.from_json(written)
    assert (read.check, read.anomaly) == ("message-after-leave", Anomaly(current))


def test_stored_rows_of_checks_are_read_with_current_names() -> None:
    row = CheckRun("chat.last-words", "chat", "x", Verdict.INVALID, 1, 0.1, cause="chat.sleeping-neighbour")
    read = CheckRun.from_json(row.to_json())
    assert (read.check, read.cause) == ("chat.messages-before-close", "chat.slow-reader-isolation")
    assert NotRun.from_json(NotRun("chat.moving", "chat", "x", "y").to_json()).check == "chat.room-change"


@pytest.mark.parametrize(("former", "current"), FORMER_WARNINGS.items())
def test_a_stored_trust_warning_is_read_with_its_current_code(former: str, current: str) -> None:
    warning = TrustWarning(current, "x", "y", invalidates=True, figures=("latency.p99",))
    assert TrustWarning.from_json(warning.to_json() | {"code": former}) == warning
    assert Void.from_json({"code": former, "reason": "x"}) == Void(current, "x")


def test_an_objective_may_count_an_anomaly_by_its_former_name() -> None:
    assert parse_objective("never_read == 0").metric == "nothing_received"
    assert parse_objective("ghost == 0").metric == "message_after_leave"


def test_an_unknown_anomaly_is_refused() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        Anomaly("nonsense")

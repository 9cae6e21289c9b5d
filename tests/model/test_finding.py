from __future__ import annotations

import json
from dataclasses import replace

import pytest

from wsproof import Finding, Level, Verdict
from wsproof.model.finding import Anomaly, not_retried, observed, verdict_of

FINDING = Finding(
    "close-code",
    "7.4.1",
    Anomaly.PROTOCOL,
    Level.VIOLATION,
    "The server answered a close of 1000 with 1005.",
    ("C> CLOSE 1000", "S> CLOSE 1005"),
    replay="wsproof replay x.json",
    recipe={"suite": "rfc6455"},
    occurrences=3,
    reproduced="3 of 3",
    source="1005 is a reserved value and MUST NOT be set",
)


def test_a_finding_survives_json() -> None:
    assert Finding.from_json(json.loads(json.dumps(FINDING.to_json()))) == FINDING


@pytest.mark.parametrize(
    ("change", "normal", "strict"),
    [
        ({}, Verdict.INVALID, Verdict.INVALID),
        ({"level": Level.NON_STRICT}, Verdict.VALID, Verdict.INVALID),
        ({"level": Level.INFORMATIONAL}, Verdict.VALID, Verdict.VALID),
        ({"accepted": "our library does this"}, Verdict.VALID, Verdict.VALID),
        ({"anomaly": Anomaly.UNKNOWN}, Verdict.UNKNOWN, Verdict.UNKNOWN),
    ],
)
def test_level_and_anomaly_of_a_finding_decide_its_verdict(
    change: dict[str, object], normal: Verdict, strict: Verdict
) -> None:
    finding = replace(FINDING, **change)  # type: ignore[arg-type]
    assert finding.verdict() is normal
    assert finding.verdict(strict=True) is strict


def test_the_worst_verdict_decides_and_unknown_is_worse_than_valid() -> None:
    unknown = replace(FINDING, anomaly=Anomaly.UNKNOWN)
    informational = replace(FINDING, level=Level.INFORMATIONAL)
    assert verdict_of([informational, unknown]) is Verdict.UNKNOWN
    assert verdict_of([unknown, FINDING, informational]) is Verdict.INVALID
    assert verdict_of([]) is Verdict.VALID


@pytest.mark.parametrize("broken", [{}, {"check": "x"}, FINDING.to_json() | {"anomaly": "tired"}])
def test_an_invalid_finding_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises((KeyError, ValueError)):
        Finding.from_json(broken)


@pytest.mark.parametrize(
    ("reproduced", "level"), [("0 of 3", Level.OBSERVATION), ("1 of 3", Level.VIOLATION), (None, Level.VIOLATION)]
)
def test_a_finding_that_no_retry_reproduced_is_an_observation_and_fails_nothing(
    reproduced: str | None, level: Level
) -> None:
    finding = observed(replace(FINDING, reproduced=reproduced))
    assert finding.level is level
    assert (finding.verdict(strict=True) is Verdict.VALID) == (level is Level.OBSERVATION)
    assert ("To settle it" in finding.explanation) == (level is Level.OBSERVATION)
    assert Finding.from_json(json.loads(json.dumps(finding.to_json()))) == finding


def test_a_finding_that_was_not_retried_is_an_observation_with_advice() -> None:
    finding = not_retried(replace(FINDING, reproduced=None))
    assert finding.level is Level.OBSERVATION
    assert finding.verdict(strict=True) is Verdict.VALID
    assert "`wsproof replay`" in finding.explanation
    assert "--budget (with --only close-code)" in finding.explanation
    known = replace(FINDING, level=Level.INFORMATIONAL)
    assert not_retried(known) is known


def test_an_informational_finding_is_not_an_observation() -> None:
    known = replace(FINDING, reproduced="0 of 3", level=Level.INFORMATIONAL)
    assert observed(known) is known

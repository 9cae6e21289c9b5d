from __future__ import annotations

import pytest

from tests.stats.builders import measurement, steady
from wsproof import Finding, Level
from wsproof.model.capacity import LevelOutcome
from wsproof.model.finding import Anomaly
from wsproof.model.summary import TrustWarning
from wsproof.stats.capacity_level import judge_level
from wsproof.stats.objective import ObjectiveResult, parse_objective
from wsproof.stats.trust import judged_summaries

P99 = parse_objective("p99(latency) < 100ms")
MET = ObjectiveResult(P99, 5e6, True)
MISSED = ObjectiveResult(P99, 5e8, False)
UNMEASURED = ObjectiveResult(P99, None, None)
LOST = Finding("delivery", "chat", Anomaly.LOST, Level.VIOLATION, "Member 2 never got it.")
CRASHED = Finding("order", "chat", Anomaly.UNKNOWN, Level.VIOLATION, "The check crashed.")


def void(code: str) -> TrustWarning:
    return TrustWarning(code, f"because of {code}", "try less", invalidates=True)


def test_a_level_whose_objectives_are_all_met_is_met() -> None:
    judged = judge_level([MET], [], [TrustWarning("few-samples", "few", "more")])
    assert judged.outcome is LevelOutcome.MET
    assert judged.why == ("met: p99(latency) < 100ms (measured 5.00 ms)",)


def test_a_level_with_one_missed_objective_is_missed() -> None:
    judged = judge_level([MET, MISSED], [], [])
    assert judged.outcome is LevelOutcome.MISSED
    assert judged.why == ("missed: p99(latency) < 100ms (measured 500 ms)",)


def test_a_level_that_loses_messages_is_missed_at_any_latency() -> None:
    judged = judge_level([MET], [LOST], [])
    assert judged.outcome is LevelOutcome.MISSED
    assert judged.why == ("delivery: Member 2 never got it.",)


def test_a_level_whose_members_are_behind_is_missed() -> None:
    behind = Finding("behind", "chat", Anomaly.BEHIND, Level.INFORMATIONAL, "Three members were behind.")
    judged = judge_level([MET], [behind], [])
    assert (judged.outcome, judged.why) == (LevelOutcome.MISSED, ("Three members were behind.",))


def test_a_protocol_deviation_does_not_make_a_level_missed() -> None:
    deviation = Finding("server-body-in-101", "9.1", Anomaly.PROTOCOL, Level.VIOLATION, "A header too many.")
    assert judge_level([MET], [deviation], []).outcome is LevelOutcome.MET


@pytest.mark.parametrize("code", ["generator-cpu", "schedule-slip", "concurrent-measurement"])
def test_a_generator_at_its_limit_makes_the_level_untrusted(code: str) -> None:
    judged = judge_level([MISSED], [LOST], [void(code), void("unsent")])
    assert judged.outcome is LevelOutcome.UNTRUSTED
    assert judged.why == (f"because of {code}",)


@pytest.mark.parametrize(
    ("limit", "outcome"), [("60ms", LevelOutcome.MET), ("20ms", LevelOutcome.MISSED), ("40ms", LevelOutcome.UNTRUSTED)]
)
def test_lateness_makes_a_level_untrusted_only_if_it_may_change_an_objective(limit: str, outcome: LevelOutcome) -> None:
    # Latency p99 is 50 ms. Without the late sends it is 30 ms.
    metrics, cautions = judged_summaries(measurement(steady(latency_ms=50, slip_ms=20)))
    assert [caution.code for caution in cautions if caution.invalidates] == ["schedule-slip"]
    results = [parse_objective(f"p99(latency) < {limit}").evaluate(metrics)]
    assert judge_level(results, [], cautions).outcome is outcome
    assert judge_level(results, [], [*cautions, void("generator-cpu")]).outcome is LevelOutcome.UNTRUSTED


def test_a_lost_message_makes_a_level_missed_in_spite_of_lateness() -> None:
    metrics, cautions = judged_summaries(measurement(steady(latency_ms=50, slip_ms=20)))
    results = [parse_objective("min(reach) == 1").evaluate(metrics)]
    judged = judge_level(results, [LOST], cautions)
    assert (judged.outcome, judged.why) == (LevelOutcome.MISSED, ("delivery: Member 2 never got it.",))


@pytest.mark.parametrize("code", ["unsent", "unpublished", "incomplete-ramp"])
def test_a_level_whose_plan_the_server_prevents_is_missed(code: str) -> None:
    assert judge_level([MET], [], [void(code)]).outcome is LevelOutcome.MISSED


@pytest.mark.parametrize(("objective", "findings"), [(UNMEASURED, []), (MET, [CRASHED])])
def test_an_unknown_result_decides_no_level(objective: ObjectiveResult, findings: list[Finding]) -> None:
    assert judge_level([objective], findings, []).outcome is LevelOutcome.UNTRUSTED


def test_a_level_without_deliveries_is_missed_only_if_some_were_expected() -> None:
    assert judge_level([UNMEASURED], [], [void("nothing-measured")]).outcome is LevelOutcome.UNTRUSTED
    assert judge_level([UNMEASURED], [LOST], [void("nothing-measured")]).outcome is LevelOutcome.MISSED

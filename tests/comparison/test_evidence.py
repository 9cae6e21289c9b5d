from __future__ import annotations

import json

import pytest

from tests.comparison.blocks import finding, results
from wsproof import Comparison, Finding, Level
from wsproof.comparison.blocks import BlockResult
from wsproof.comparison.evidence import compare_blocks, new_violations, pairs_of
from wsproof.comparison.order import Side
from wsproof.model.comparison import Judgement
from wsproof.model.finding import Anomaly
from wsproof.model.summary import TrustWarning

SLIP = TrustWarning("schedule-slip", "Messages left late.", "Use a lower rate.", invalidates=True)
FEW = TrustWarning("few-samples", "Too few.", "Measure longer.")


def judged(blocks: list[BlockResult]) -> Comparison:
    return compare_blocks(blocks, base={"ref": "main"}, candidate={"ref": "feature"})


@pytest.mark.parametrize(
    ("candidate_ms", "verdict"), [(10.0, Judgement.SAME), (30.0, Judgement.WORSE), (4.0, Judgement.BETTER)]
)
def test_blocks_are_paired_and_judged(candidate_ms: float, verdict: Judgement) -> None:
    comparison = judged(results(candidate_ms))
    assert comparison.verdict is verdict
    assert [metric.metric for metric in comparison.metrics if metric.primary] == [
        "latency_p50",
        "latency_p99",
        "time_to_last_p50",
        "server_cpu_per_delivery",
    ]
    json.dumps(comparison.to_json())


def test_a_pair_has_the_base_first_in_any_order_of_measurement() -> None:
    blocks = results(30.0)
    for base, candidate in pairs_of(blocks, identical=False)["latency_p50"]:
        assert candidate / base == pytest.approx(3, rel=0.05)
    assert len(pairs_of(blocks, identical=False)["latency_p50"]) == 8
    assert len(pairs_of(blocks, identical=True)["latency_p50"]) == 4


def test_a_block_without_its_counterpart_is_left_out() -> None:
    blocks = results(30.0)[:-1]
    assert (
        len(pairs_of(blocks, identical=False)["latency_p50"]) + len(pairs_of(blocks, identical=True)["latency_p50"])
        == 11
    )
    assert judged(blocks[:3]).verdict is Judgement.CANNOT_TELL
    assert judged([]).verdict is Judgement.CANNOT_TELL


def test_a_candidate_with_a_new_violation_is_worse_at_any_speed() -> None:
    def faults(side: Side) -> list[Finding]:
        return [finding(occurrences=2)] if side is Side.CANDIDATE else []

    comparison = judged(results(4.0, findings=faults))
    assert comparison.verdict is Judgement.WORSE
    (violation,) = comparison.findings
    assert (violation.anomaly, violation.occurrences) == (Anomaly.LOST, 16)


def test_one_violation_in_one_pair_makes_the_candidate_worse() -> None:
    blocks = results(10.0)
    first = next(index for index, block in enumerate(blocks) if block.block.side is Side.CANDIDATE)
    blocks[first] = BlockResult(first, blocks[first].block, blocks[first].metrics, (finding(),))
    assert judged(blocks).verdict is Judgement.WORSE


def test_a_fault_that_the_base_also_has_is_not_a_regression() -> None:
    comparison = judged(results(10.0, findings=lambda side: [finding()]))
    assert comparison.verdict is Judgement.SAME
    assert comparison.findings == ()
    assert [warning.code for warning in comparison.warnings] == ["faults-of-the-base"]


def test_a_non_strict_accepted_or_unknown_finding_is_no_new_violation() -> None:
    mild = [
        finding(level=Level.NON_STRICT),
        finding(Anomaly.UNKNOWN),
        Finding("x", "chat", Anomaly.MESSAGE_AFTER_LEAVE, Level.VIOLATION, "x", accepted="known"),
    ]
    assert new_violations([], mild) == ()


def test_a_fault_that_differs_from_that_of_the_base_is_new() -> None:
    assert [f.anomaly for f in new_violations([finding()], [finding(), finding(Anomaly.MESSAGE_AFTER_LEAVE)])] == [
        Anomaly.MESSAGE_AFTER_LEAVE
    ]


def test_mostly_untrusted_blocks_may_hide_a_difference_but_cannot_cause_one() -> None:
    assert judged(results(10.0, warnings=lambda index: [SLIP])).verdict is Judgement.CANNOT_TELL
    assert judged(results(4.0, warnings=lambda index: [SLIP])).verdict is Judgement.CANNOT_TELL
    assert judged(results(30.0, warnings=lambda index: [SLIP])).verdict is Judgement.WORSE


def test_a_few_untrusted_blocks_are_reported_and_change_nothing() -> None:
    comparison = judged(results(10.0, warnings=lambda index: [SLIP, FEW] if index < 5 else [FEW]))
    assert comparison.verdict is Judgement.SAME
    assert [(warning.code, warning.invalidates, warning.message[:20]) for warning in comparison.warnings] == [
        ("schedule-slip", False, "In 5 of 24 blocks: M"),
        ("few-samples", False, "In 24 of 24 blocks: "),
    ]


def test_blocks_whose_correctness_is_unknown_cannot_be_called_the_same() -> None:
    comparison = judged(results(10.0, findings=lambda side: [finding(Anomaly.UNKNOWN)]))
    assert comparison.verdict is Judgement.CANNOT_TELL
    assert comparison.warnings[0].code == "unknown-blocks"


def test_a_block_is_kept_as_json() -> None:
    row = results(10.0, warnings=lambda index: [SLIP], findings=lambda side: [finding()])[0].to_json()
    assert (row["index"], row["pair"], row["trusted"]) == (0, 0, False)
    assert row["side"] in ("A", "B")
    json.dumps(row)

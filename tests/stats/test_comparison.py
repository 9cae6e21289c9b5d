from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from wsproof.model.comparison import Judgement, MetricComparison
from wsproof.stats.compared_metrics import ComparedMetric
from wsproof.stats.comparison import judge_pairs, overall
from wsproof.stats.metrics import METRICS_BY_NAME
from wsproof.stats.paired import Pair

JUDGED = ("latency_p50", "latency_p99", "time_to_last_p50", "server_cpu_per_delivery")
NOISE = (0.01, -0.02, 0.015, -0.005, 0.02, -0.01, 0.005, -0.015, 0.0, 0.01)


def pairs_of(ratio: float, count: int = 10, noise: float = 1.0) -> list[Pair]:
    """Return `count` pairs whose candidate is `ratio` times the base, with a fixed sequence of noise."""
    return [(100.0, 100.0 * ratio * float(np.exp(noise * step))) for step in NOISE[:count]]


def judge_metric(pairs: Sequence[Pair], identical: Sequence[Pair] = (), name: str = "latency_p50") -> MetricComparison:
    (comparison,) = judge_pairs({name: pairs}, {name: identical})
    return comparison


def test_a_slowdown_beyond_the_floor_is_worse_and_the_same_speedup_is_better() -> None:
    slower, faster = judge_metric(pairs_of(1.2)), judge_metric(pairs_of(1 / 1.2))
    assert (slower.verdict, faster.verdict) == (Judgement.WORSE, Judgement.BETTER)
    assert slower.ratio is not None
    assert slower.ci_low is not None
    assert slower.ci_high is not None
    assert slower.ratio == pytest.approx(1.2, rel=0.01)
    assert slower.ci_low < slower.ratio < slower.ci_high
    assert slower.p == 2 / 2**10


def test_a_real_change_within_the_floor_is_the_same() -> None:
    comparison = judge_metric(pairs_of(1.03))
    assert comparison.verdict is Judgement.SAME
    assert comparison.p is not None
    assert comparison.p < 0.05


def test_an_interval_beyond_the_floor_with_an_estimate_within_it_is_unknown() -> None:
    comparison = judge_metric(pairs_of(1.045))
    assert comparison.verdict is Judgement.CANNOT_TELL
    assert comparison.detectable is not None
    assert comparison.detectable > 0.05


def test_noise_is_neither_the_same_nor_different() -> None:
    comparison = judge_metric(pairs_of(1.0, noise=20))
    assert comparison.verdict is Judgement.CANNOT_TELL
    assert comparison.detectable is not None
    assert comparison.detectable > 0.2


def test_seven_pairs_cannot_be_significant_and_eight_can() -> None:
    seven, eight = judge_metric(pairs_of(5.0, 7)), judge_metric(pairs_of(5.0, 8))
    assert seven.verdict is Judgement.CANNOT_TELL
    assert "--pairs 8" in seven.note
    assert eight.verdict is Judgement.WORSE


def test_eight_pairs_are_significant_for_all_four_metrics() -> None:
    comparisons = judge_pairs({name: pairs_of(5.0, 8) for name in JUDGED})
    assert [metric.verdict for metric in comparisons] == [Judgement.WORSE] * 4
    assert comparisons[0].p == pytest.approx(4 * 2 / 2**8)


def test_few_pairs_that_hardly_differ_are_the_same() -> None:
    assert judge_metric(pairs_of(1.0, 6)).verdict is Judgement.SAME
    assert judge_metric(pairs_of(1.0, 1)).verdict is Judgement.CANNOT_TELL


def test_an_effect_that_identical_code_also_has_is_not_a_difference() -> None:
    shaky = [(100.0, 130.0), (130.0, 100.0), (100.0, 125.0), (120.0, 100.0)]
    comparison = judge_metric(pairs_of(1.1), shaky)
    assert comparison.verdict is Judgement.CANNOT_TELL
    assert "identical code moved by up to" in comparison.note
    assert comparison.floor == 0.05
    assert judge_metric(pairs_of(1.1)).verdict is Judgement.WORSE


def test_a_noisy_machine_still_shows_a_factor_of_five() -> None:
    shaky = [(100.0, 130.0), (130.0, 100.0), (100.0, 125.0), (120.0, 100.0)]
    assert judge_metric(pairs_of(5.0, 8, noise=15), shaky).verdict is Judgement.WORSE


def test_a_harness_that_favours_one_side_is_vetoed() -> None:
    biased = [(100.0, 150.0), (100.0, 151.0), (100.0, 149.0), (100.0, 150.5)]
    comparison = judge_metric(pairs_of(5.0), biased)
    assert comparison.verdict is Judgement.CANNOT_TELL
    assert comparison.note.startswith("vetoed")


def test_a_veto_applies_only_to_its_own_metric() -> None:
    biased = [(100.0, 150.0), (100.0, 151.0), (100.0, 149.0), (100.0, 150.5)]
    comparisons = judge_pairs({name: pairs_of(5.0) for name in JUDGED}, {"latency_p99": biased})
    assert {metric.metric: metric.verdict for metric in comparisons} == {
        "latency_p50": Judgement.WORSE,
        "latency_p99": Judgement.CANNOT_TELL,
        "time_to_last_p50": Judgement.WORSE,
        "server_cpu_per_delivery": Judgement.WORSE,
    }


def test_unjudged_metrics_are_never_worse_or_better() -> None:
    comparison = judge_metric(pairs_of(3.0), name="spread_p50")
    assert (comparison.primary, comparison.verdict, comparison.p, comparison.note) == (
        False,
        Judgement.CANNOT_TELL,
        None,
        "shown, not judged",
    )
    assert comparison.ratio == pytest.approx(3.0, rel=0.01)
    assert judge_metric(pairs_of(1.0), name="spread_p50").verdict is Judgement.SAME


def test_half_the_throughput_is_worse_because_more_is_better_there() -> None:
    throughput = ComparedMetric(METRICS_BY_NAME["deliveries_per_s"], primary=True)
    (halved,) = judge_pairs({throughput.name: pairs_of(0.5)}, aspects=[throughput])
    (doubled,) = judge_pairs({throughput.name: pairs_of(2.0)}, aspects=[throughput])
    assert (halved.verdict, doubled.verdict) == (Judgement.WORSE, Judgement.BETTER)


def test_values_of_zero_have_no_ratio_and_are_unknown() -> None:
    comparison = judge_metric([(0.0, 0.0)] * 8)
    assert (comparison.verdict, comparison.ratio, comparison.detectable) == (Judgement.CANNOT_TELL, None, None)


def test_judged_metrics_come_first_and_unknown_ones_are_left_out() -> None:
    comparisons = judge_pairs({"spread_p50": pairs_of(1), "latency_p99": pairs_of(1), "unheard_of": pairs_of(1)})
    assert [metric.metric for metric in comparisons] == ["latency_p99", "spread_p50"]


W, B, S, C = Judgement.WORSE, Judgement.BETTER, Judgement.SAME, Judgement.CANNOT_TELL


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([S, S, S, S], S),
        ([S, B, S, S], B),
        ([B, B, C, S], C),
        ([S, S, C, S], C),
        ([B, C, W, S], W),
        ([], C),
    ],
)
def test_one_worse_metric_decides_and_better_needs_all_to_be_known(
    verdicts: list[Judgement], expected: Judgement
) -> None:
    metrics = [
        MetricComparison("x", "ns", "lower", verdict, 1.0, 1.0, 1.0, 0.05, 1.0, primary=True) for verdict in verdicts
    ]
    unjudged = MetricComparison("y", "ns", "lower", Judgement.CANNOT_TELL, 1.0, 1.0, 1.0, 0.05, None)
    assert overall([*metrics, unjudged]) is expected

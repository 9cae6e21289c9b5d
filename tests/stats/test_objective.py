from __future__ import annotations

import pytest

from wsproof import Finding, Level, UsageError
from wsproof.model.finding import Anomaly
from wsproof.model.summary import Summary
from wsproof.stats.objective import parse_objective

RUN = {
    "latency": Summary("ns", "lower", 200, 5e6, mean=6e6, min=1e6, p50=5e6, p90=8e6, p99=9e6, p999=None, max=9.5e6),
    "reach": Summary("0-1", "higher", 10, 1.0, mean=0.99, min=0.9, p50=1.0, max=1.0),
    "deliveries_per_s": Summary("1/s", "higher", 1, 2000.0, p50=2000.0),
    "server_cpu_per_delivery": Summary("us", "lower", 0, None),
}


def lost(occurrences: int = 1, accepted: str | None = None, level: Level = Level.VIOLATION) -> Finding:
    return Finding("delivery", "chat", Anomaly.LOST, level, "x", occurrences=occurrences, accepted=accepted)


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("p99(latency) < 100ms", True),
        ("p99(latency) < 9ms", False),
        ("p99(latency) <= 9000us", True),
        ("p99( latency )<=9_000_000 ns", True),
        ("median(latency) == 0.005s", True),
        ("max(latency) > 9.4 ms", True),
        ("mean(latency) != 6ms", False),
        ("min(reach) == 1", False),
        ("mean(reach) >= 99%", True),
        ("p50(reach) >= 1", True),
        ("deliveries_per_s >= 2000", True),
        ("deliveries-per-s >= 2000.5", False),
        ("p999(latency) < 1s", None),
        ("server_cpu_per_delivery < 20us", None),
        ("p50(time_to_last) < 20ms", None),
    ],
)
def test_an_objective_is_evaluated_on_the_run(text: str, met: bool | None) -> None:
    assert parse_objective(text).evaluate(RUN).met is met


@pytest.mark.parametrize(
    ("text", "met"),
    [("lost == 0", False), ("lost <= 3", True), ("duplicated == 0", True), ("violations == 0", False)],
)
def test_the_name_of_an_anomaly_counts_its_occurrences(text: str, met: bool) -> None:
    assert parse_objective(text).evaluate(RUN, [lost(3)]).met is met


def test_accepted_deviations_are_not_counted() -> None:
    assert parse_objective("lost == 0").evaluate(RUN, [lost(accepted="known")]).met


def test_violations_do_not_count_non_strict_findings() -> None:
    assert parse_objective("violations == 0").evaluate(RUN, [lost(level=Level.NON_STRICT)]).met


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("p99 latency < 100ms", "expected `statistic(metric) operator number`"),
        ("p99(latency) < fast", "cannot read"),
        ("", "cannot read"),
        ("p99(latncy) < 100ms", "did you mean latency?"),
        ("p98(latency) < 100ms", "use one of p50, p90"),
        ("latency < 100ms", "p99(latency)"),
        ("p99(latency) < 100", "needs a unit"),
        ("p99(latency) < 100%", "needs a unit"),
        ("p50(deliveries_per_s) > 3", "without p50()"),
        ("deliveries_per_s > 3ms", "is not in 'ms'"),
        ("max(lost) == 0", "'lost == 0'"),
        ("lost == 0%", "plain count"),
        ("server_cpu_per_delivery < 3 min", "use us, ns, ms or s"),
    ],
)
def test_an_unreadable_objective_is_refused_with_an_example(text: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_objective(text)
    assert hint in str(raised.value)


def test_the_result_is_described_in_a_sentence() -> None:
    objective = parse_objective("p99(latency) < 5ms")
    assert objective.evaluate(RUN).sentence() == "missed: p99(latency) < 5ms (measured 9.00 ms)"
    assert objective.evaluate({}).sentence().startswith("cannot tell: p99(latency) < 5ms")
    assert parse_objective("lost == 0").evaluate(RUN, []).sentence() == "met: lost == 0 (measured 0)"


def test_cpu_per_delivery_is_read_in_any_unit_of_time() -> None:
    assert parse_objective("server_cpu_per_delivery < 0.02ms").limit == pytest.approx(20)
    assert parse_objective("server_cpu_per_delivery < 20").limit == 20

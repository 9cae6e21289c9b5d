"""Tests that the generator's delay voids only the figures that would have been different without it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.stats.builders import MS, QUIET, START, measurement, publish, recorder
from wsproof import Measurement
from wsproof.model.measurement import GeneratorUsage
from wsproof.model.summary import Void
from wsproof.stats.objective import parse_objective
from wsproof.stats.trust import judge_trust, judged_summaries


def some_late(late: int, slip_ms: float, *, latency_ms: float = 8.0, count: int = 200) -> Measurement:
    """Return `count` publications to ten members, of which the last `late` are sent late. The server is constant."""
    record = recorder(10)
    for sequence in range(count):
        slip = slip_ms if sequence >= count - late else 0.0
        publish(record, sequence, sequence * 1000 / count, [latency_ms + slip] * 10, slip_ms=slip)
    return measurement(record.freeze())


def void(measured: Measurement) -> set[str]:
    metrics, _ = judged_summaries(measured)
    return {f"{name}.{statistic}" for name, summary in metrics.items() for statistic in summary.void}


def test_late_sends_that_change_no_figure_void_none_and_show_both_values() -> None:
    # Slip p99 is 1.45 ms, above its limit, yet the server alone takes nearly all of latency p99.
    record = recorder(10)
    for sequence in range(200):
        slow = sequence % 20 == 0
        slip = 1.45 if sequence % 60 == 1 else 0.0
        publish(record, sequence, sequence * 5, [5.7 if slow else 2.0 + slip] * 10, slip_ms=slip)
    measured = measurement(record.freeze())
    (caution,) = judge_trust(measured)
    assert (caution.code, caution.invalidates, caution.figures) == ("schedule-slip", False, ())
    assert "not caused by the server" in caution.message
    assert "latency p99 is 5.70 ms from the intended time, 5.70 ms from the actual send" in caution.message
    assert void(measured) == set()


def test_p99_may_be_void_while_p50_reach_and_deliveries_are_valid() -> None:
    void_figures = void(some_late(4, 30.0))
    assert {"latency.p99", "latency.max", "time_to_last.p99"} <= void_figures
    assert not {"latency.p50", "latency.p90", "latency.value", "reach.min", "deliveries_per_s.value"} & void_figures
    assert not any(figure.startswith(("service_time", "spread", "reach", "connect_time")) for figure in void_figures)


def test_a_void_figure_shows_its_value_without_the_late_sends() -> None:
    metrics, cautions = judged_summaries(some_late(4, 30.0))
    (caution,) = (each for each in cautions if each.invalidates)
    assert metrics["latency"].p99 == 38 * MS
    assert metrics["latency"].void["p99"] == Void("schedule-slip", caution.message, 8 * MS)
    assert "latency p99 (38.0 ms; 8.00 ms without late sends)" in caution.message


def test_queueing_behind_late_sends_is_not_attributed_to_the_server() -> None:
    """The queueing behind a burst of late sends makes even the service time slow."""
    record = recorder(10)
    for sequence in range(190):
        publish(record, sequence, sequence * 5, [2.0] * 10)
    for late in range(10):
        publish(record, 190 + late, 950 + late * 5, [50.0 - 3 * late + 2] * 10, slip_ms=10.0 - late * 0.5)
    metrics, _ = judged_summaries(measurement(record.freeze()))
    assert metrics["service_time"].p99 is not None
    assert metrics["service_time"].p99 > 30 * MS
    assert metrics["service_time"].void["p99"].without == 2 * MS
    assert "p50" not in metrics["service_time"].void


def test_a_generator_that_was_a_little_late_does_not_void_the_latency_of_a_slow_server() -> None:
    assert void(some_late(200, 4.0, latency_ms=80.0)) == set()


def test_late_messages_that_were_faster_void_nothing() -> None:
    record = recorder(10)
    for sequence in range(200):
        late = sequence % 2 == 1
        publish(record, sequence, sequence * 5, [5.0 if late else 20.0] * 10, slip_ms=3.0 if late else 0.0)
    assert not {"latency.p99", "latency.p90", "latency.max"} & void(measurement(record.freeze()))


def busy_second(extra_ms: float) -> Measurement:
    """Return ten seconds, in one of which the generator had no CPU time left and all messages were late."""
    record = recorder(10)
    record.end_ns = START + 10_000 * MS
    for sequence in range(400):
        busy = 3000 <= sequence * 25 < 4000
        publish(record, sequence, sequence * 25, [5.0 + extra_ms * busy] * 10)
    share = np.full(10, 0.2)
    share[3] = 0.97
    return measurement(record.freeze(), generator=replace(QUIET, cpu_share=share))


def test_a_second_without_cpu_voids_what_is_lower_without_it() -> None:
    (caution,) = judge_trust(busy_second(40.0))
    assert (caution.code, caution.invalidates) == ("generator-cpu", True)
    assert {"latency.p99", "time_to_last.p99", "service_time.p99"} <= set(caution.figures)
    assert not {"latency.p50", "deliveries_per_s"} & set(caution.figures)


def test_a_second_without_cpu_that_changed_nothing_voids_nothing() -> None:
    (caution,) = judge_trust(busy_second(0.0))
    assert (caution.code, caution.invalidates, caution.figures) == ("generator-cpu", False, ())
    assert "exceeded in 1 second of 10" in caution.message


def test_a_generator_without_cpu_in_most_seconds_voids_all_timed_figures() -> None:
    run = busy_second(0.0)
    void_figures = void(replace(run, generator=replace(run.generator, cpu_share=np.full(10, 0.9))))
    assert {"latency.p50", "latency.p99", "time_to_last.value", "spread.max", "deliveries_per_s.value"} <= void_figures
    assert not any(figure.startswith(("reach", "connect_time")) for figure in void_figures)


@pytest.mark.parametrize("generator", [replace(QUIET, unsent=1), replace(QUIET, alone=False)])
def test_a_lighter_load_and_a_concurrent_measurement_void_all_timed_figures(
    generator: GeneratorUsage,
) -> None:
    metrics, _ = judged_summaries(replace(some_late(0, 0.0), generator=generator))
    assert metrics["latency"].void["p50"].without is None
    assert metrics["deliveries_per_s"].void["value"].without is None
    assert not metrics["reach"].void


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("p99(latency) < 100ms", True),
        ("p99(latency) < 5ms", False),
        ("p99(latency) < 20ms", None),
        ("p50(latency) < 20ms", True),
        ("min(reach) == 1", True),
        ("p99(service_time) < 20ms", True),
    ],
)
def test_an_objective_is_unknown_only_if_its_own_figure_is_void_and_decides(text: str, met: bool | None) -> None:
    metrics, _ = judged_summaries(some_late(4, 30.0))
    result = parse_objective(text).evaluate(metrics)
    assert result.met is met
    if met is None:
        sentence = "cannot tell: p99(latency) < 20ms (measured 38.0 ms; 8.00 ms without the generator's part; void: "
        assert result.sentence() == f"{sentence}schedule-slip)"


def test_unknown_effects_make_every_timed_objective_unknown() -> None:
    metrics, _ = judged_summaries(replace(some_late(0, 0.0), generator=replace(QUIET, alone=False)))
    assert parse_objective("p99(latency) < 100ms").evaluate(metrics).met is None
    assert parse_objective("min(reach) == 1").evaluate(metrics).met is True

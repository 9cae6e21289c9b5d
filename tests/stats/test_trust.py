from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.stats.builders import FEED, MS, QUIET, START, measurement, publish, recorder, steady
from wsproof import Audience, Contract, Measurement
from wsproof.model.history import Departure, Member, Outcome
from wsproof.model.measurement import GeneratorUsage, ServerUsage
from wsproof.model.plan import Phase
from wsproof.stats.trust import judge_trust


def codes(measured: Measurement) -> dict[str, bool]:
    return {caution.code: caution.invalidates for caution in judge_trust(measured)}


def test_an_undisturbed_measurement_has_no_warnings() -> None:
    assert judge_trust(measurement(steady())) == ()


@pytest.mark.parametrize(
    ("generator", "code", "voids"),
    [
        (replace(QUIET, cpu_share=np.array([0.81])), "generator-cpu", True),
        (replace(QUIET, unsent=1), "unsent", True),
        (replace(QUIET, alone=False), "concurrent-measurement", True),
        (replace(QUIET, loop_lag_ns=np.full(100, 6 * MS)), "loop-lag", False),
        (replace(QUIET, loop="asyncio"), "stdlib-loop", False),
        (replace(QUIET, loop="gevent"), "gevent-loop", False),
    ],
)
def test_each_generator_fault_is_reported_with_its_remedy(generator: GeneratorUsage, code: str, voids: bool) -> None:
    (caution,) = judge_trust(measurement(steady(), generator=generator))
    assert (caution.code, caution.invalidates) == (code, voids)
    assert caution.message.endswith(".")
    assert caution.advice.endswith(".")


def test_advice_against_the_asyncio_loop_depends_on_the_option_loop() -> None:
    judged = measurement(steady(), generator=replace(QUIET, loop="asyncio"))
    for option, remedy in (("auto", "pip install uvloop"), ("asyncio", "Leave out --loop")):
        (caution,) = judge_trust(replace(judged, plan=replace(judged.plan, event_loop=option)))
        assert remedy in caution.advice


def test_a_value_at_the_limit_is_trusted() -> None:
    generator = replace(QUIET, cpu_share=np.array([0.80]), loop_lag_ns=np.full(100, 5 * MS))
    assert judge_trust(measurement(steady(), generator=generator)) == ()


def test_one_late_message_of_few_voids_only_the_figures_that_it_has_changed() -> None:
    def few(late_ms: float, slip_ms: float) -> Measurement:
        record = recorder(10)
        for sequence in range(50):
            publish(record, sequence, 20 * sequence, [8.0] * 9 + [40.0])
        publish(record, 50, 990, [late_ms] * 10, slip_ms=slip_ms)
        return measurement(record.freeze())

    # Ten deliveries of 510 come 15 ms after the intended time: at rank 459 one of them is p90, and p99 is not touched.
    slightly = {caution.code: caution.figures for caution in judge_trust(few(late_ms=15, slip_ms=7))}
    assert slightly["schedule-slip"] == ("latency.p90",)
    grossly = {caution.code: caution.figures for caution in judge_trust(few(late_ms=90, slip_ms=60))}
    assert {"latency.p99", "latency.max", "time_to_last.max"} <= set(grossly["schedule-slip"])
    assert "latency.p50" not in grossly["schedule-slip"]


def test_slip_may_be_a_tenth_of_latency_or_a_millisecond_whichever_is_more() -> None:
    assert codes(measurement(steady(latency_ms=2, slip_ms=0.1))) == {}
    # The slip is small, but nearly half of the reported latency.
    assert codes(measurement(steady(latency_ms=2, slip_ms=0.9))) == {"schedule-slip": True}
    assert codes(measurement(steady(latency_ms=2, slip_ms=1.1))) == {"schedule-slip": True}
    assert codes(measurement(steady(latency_ms=50, slip_ms=4.9))) == {}
    assert codes(measurement(steady(latency_ms=50, slip_ms=5.1))) == {"schedule-slip": True}


def test_too_few_samples_name_the_percentiles_that_are_missing() -> None:
    (caution,) = judge_trust(measurement(steady(count=30)))
    assert caution.code == "few-samples"
    assert "p99 and p999" in caution.message
    (caution,) = judge_trust(measurement(steady(count=50)))
    assert "p999, which needs 1000" in caution.message


def test_subscribers_that_received_nothing_are_counted() -> None:
    history = steady()
    silent = (Member(3, "4", connected_ns=1), Member(4, "5", departure=Departure.REFUSED))
    (caution,) = judge_trust(measurement(replace(history, members=history.members + silent)))
    assert caution.code == "incomplete-ramp"
    assert caution.message.startswith("2 of 5 subscribers never received anything, 1 of them because")


def test_warnings_that_invalidate_figures_come_first() -> None:
    generator = replace(QUIET, loop="asyncio", unsent=3, alone=False)
    assert list(codes(measurement(steady(), generator=generator)).values()) == [True, True, False]


def test_a_feed_needs_no_latency_samples_and_no_rate() -> None:
    busy = replace(QUIET, cpu_share=np.array([0.95]))
    (caution,) = judge_trust(measurement(recorder().freeze(), FEED, generator=busy))
    assert caution.code == "generator-cpu"
    assert "--rate" not in caution.advice


def test_a_plan_whose_publisher_lost_its_connection_was_not_carried_out() -> None:
    record = recorder()
    for sequence in range(1000):
        publish(record, sequence, sequence, [10.0] * 3)
    record.published(0, 1000, START + 5, 0, outcome=Outcome.FAILED)
    assert codes(measurement(record.freeze())) == {"unpublished": True}


def test_refused_subscribers_void_the_measurement_and_silent_ones_are_left_to_the_checks() -> None:
    history = steady()
    refused, silent = Member(3, "4", departure=Departure.REFUSED), Member(3, "4", connected_ns=1)
    assert codes(measurement(replace(history, members=(*history.members, refused)))) == {"incomplete-ramp": True}
    assert codes(measurement(replace(history, members=(*history.members, silent)))) == {"incomplete-ramp": False}


def test_a_window_without_a_delivery_measured_nothing() -> None:
    record = recorder()
    publish(record, 0, -50, [1.0] * 3, phase=Phase.PROBE)
    assert codes(measurement(record.freeze())) == {"nothing-measured": True}


def test_members_that_only_listen_to_an_echo_are_not_missing() -> None:
    record = recorder(3)
    for sequence in range(1000):
        publish(record, sequence, sequence, [10.0])
    record.members[1:] = [replace(member, in_ns=0) for member in record.members[1:]]
    assert codes(measurement(record.freeze(), Contract("echo", Audience.PUBLISHER))) == {}
    assert codes(measurement(record.freeze(), Contract("echo", Audience.EVERYONE))) == {"incomplete-ramp": False}


@pytest.mark.parametrize(("deflated", "is_reported"), [(0, True), (2, True), (3, False)])
def test_declined_compression_is_reported_and_voids_nothing(deflated: int, is_reported: bool) -> None:
    generator = replace(QUIET, deflated=deflated)
    plain = measurement(steady(), generator=generator)
    offered = codes(replace(plain, plan=replace(plain.plan, deflate=True)))
    assert offered == ({"deflate-declined": False} if is_reported else {})
    assert codes(plain) == {}


def test_a_failing_metrics_url_is_reported_and_voids_nothing() -> None:
    judged = judge_trust(measurement(steady(), server=ServerUsage(trouble="Connection refused")))
    assert [(caution.code, caution.invalidates) for caution in judged] == [("metrics-url", False)]
    assert "Connection refused" in judged[0].message


def test_advice_names_the_options_of_the_generator_that_measured() -> None:
    def advice(loop: str) -> str:
        generator = replace(QUIET, loop=loop, unsent=3)
        cautions = judge_trust(measurement(steady(count=30), generator=generator))
        return " ".join(caution.advice for caution in cautions)

    engine, locust = advice("uvloop"), advice("gevent")
    assert "(--rate)" in engine
    assert "subscribers than 2 (--subscribers)" in engine or "(--subscribers)" in engine
    assert "--users" not in engine
    assert "(--ws-rate)" in locust
    assert "(--users)" in locust
    assert "subscriber" not in locust

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.stats.builders import CHAT, FEED, MS, SECOND, START, measurement, publish, recorder, steady
from wsproof import Audience, Measurement
from wsproof.model.history import Departure, History, Kind, Member, Publications, Receipts, Tick
from wsproof.model.measurement import ServerUsage
from wsproof.model.plan import Phase
from wsproof.model.summary import Summary
from wsproof.stats.metrics import FEED_METRICS, METRICS, METRICS_BY_NAME, Observed, summaries, summarise


def samples(name: str, measured: Measurement) -> list[float]:
    values = METRICS_BY_NAME[name].samples(measured)
    assert values is not None
    return sorted(float(value) for value in values)


def test_latency_runs_from_the_intended_time_and_service_time_from_the_actual_one() -> None:
    record = recorder()
    publish(record, 0, 100, [5, 6, 7], slip_ms=2)
    observed = measurement(record.freeze())
    assert samples("latency", observed) == [5 * MS, 6 * MS, 7 * MS]
    assert samples("service_time", observed) == [3 * MS, 4 * MS, 5 * MS]
    assert samples("schedule_slip", observed) == [2 * MS]


def test_time_to_last_and_spread_are_one_per_publication() -> None:
    record = recorder()
    publish(record, 0, 100, [5, 9, 7])
    publish(record, 1, 200, [1, 2, 3])
    observed = measurement(record.freeze())
    assert samples("time_to_last", observed) == [3 * MS, 9 * MS]
    assert samples("spread", observed) == [2 * MS, 4 * MS]


def test_a_loss_lowers_reach_and_never_enters_a_percentile() -> None:
    record = recorder()
    publish(record, 0, 100, [5, 6, None])
    publish(record, 1, 200, [5, 6, 8])
    observed = measurement(record.freeze())
    assert samples("reach", observed) == [pytest.approx(2 / 3), 1.0]
    assert samples("time_to_last", observed) == [8 * MS]
    assert samples("spread", observed) == [3 * MS]
    assert samples("latency", observed) == [5 * MS, 5 * MS, 6 * MS, 6 * MS, 8 * MS]


def test_probes_and_the_warm_up_do_not_count() -> None:
    record = recorder()
    publish(record, 0, -300, [500, 500, 500], phase=Phase.PROBE)
    publish(record, 1, -200, [400, 400, None], phase=Phase.WARMUP)
    publish(record, 2, 100, [1, 2, 3])
    observed = measurement(record.freeze())
    assert samples("latency", observed) == [1 * MS, 2 * MS, 3 * MS]
    assert samples("reach", observed) == [1.0]


def test_a_duplicate_receipt_is_no_sample() -> None:
    record = recorder(1)
    publish(record, 0, 100, [5])
    record.received(0, 0, 0, START + 100 * MS, START + 150 * MS)
    assert samples("latency", measurement(record.freeze())) == [5 * MS]


def test_replies_damaged_messages_and_phantoms_are_no_samples() -> None:
    record = recorder(2)
    publish(record, 0, 100, [5, 6])
    intended = START + 100 * MS
    record.received(0, 0, 0, intended, intended + MS, Kind.REPLY)
    record.received(1, 7, 123_456, intended, intended + MS)
    publish(record, 1, 200, [5, None])
    record.received(1, 0, 1, START + 200 * MS, START + 209 * MS, intact=False)
    observed = measurement(record.freeze())
    assert samples("latency", observed) == [5 * MS, 5 * MS, 6 * MS]
    assert samples("time_to_last", observed) == [5 * MS, 6 * MS]


def test_a_publication_that_reached_nobody_has_reach_0_and_no_time() -> None:
    record = recorder(2)
    publish(record, 0, 100, [None, None])
    observed = measurement(record.freeze())
    assert samples("reach", observed) == [0.0]
    assert samples("time_to_last", observed) == []


def test_no_delivery_is_expected_of_a_publication_that_was_never_sent() -> None:
    record = recorder(2)
    record.published(0, 0, START + 100 * MS, 0)
    observed = measurement(record.freeze())
    assert samples("reach", observed) == []
    assert samples("schedule_slip", observed) == []


def test_with_others_only_the_publisher_itself_expects_nothing() -> None:
    record = recorder(3)
    publish(record, 0, 100, [None, 4, 6])
    observed = measurement(record.freeze(), replace(CHAT, audience=Audience.OTHERS))
    assert samples("reach", observed) == [1.0]
    assert samples("time_to_last", observed) == [6 * MS]


def test_history_messages_to_a_newcomer_are_no_late_deliveries() -> None:
    record = recorder()
    record.members[2] = replace(record.members[2], in_ns=START + 500 * MS)
    publish(record, 0, 0, [10, 10, 500])
    publish(record, 1, 600, [10, 10, 20])
    observed = Observed(measurement(record.freeze()))
    assert (observed.deliveries.latency_ns / MS).tolist() == [10, 10, 10, 10, 20]
    assert (observed.fanout.time_to_last_ns / MS).tolist() == [10, 20]


def test_deliveries_per_second_are_those_that_arrived_in_the_window() -> None:
    record = recorder(2)
    publish(record, 0, 100, [5, 6])
    publish(record, 1, 999, [0.5, 20])
    assert samples("deliveries_per_s", measurement(record.freeze())) == [3.0]


def test_connect_time_is_one_per_connection_that_opened() -> None:
    record = recorder(2)
    record.members.append(Member(2, "3", departure=Departure.REFUSED))
    assert samples("connect_time", measurement(record.freeze())) == [MS, MS]


def usage(cpu_per_s: float) -> ServerUsage:
    """Return two samples per second, from two seconds before the window to two after: ten connections, 20 KiB each."""
    steps = np.arange(-4, 11, dtype=np.int64)
    return ServerUsage(
        at_ns=START + steps * (SECOND // 2),
        cpu_ns=(cpu_per_s * (steps + 4) * SECOND / 2).astype(np.int64),
        memory_bytes=50_000_000 + np.minimum(steps + 4, 3) * 10 * 20 * 1024 + np.where(steps > 2, 9_000_000, 0),
        connections=np.minimum(steps + 4, 3) * 10,
    )


def test_cpu_per_delivery_is_the_cpu_time_of_the_window_divided_by_its_deliveries() -> None:
    observed = measurement(steady(100, latency_ms=0), server=usage(0.5))
    assert samples("server_cpu_per_delivery", observed) == [pytest.approx(0.5e6 / 300)]


def test_context_switches_and_descriptors_are_those_of_the_samples() -> None:
    reported = usage(0.5)
    reported = replace(reported, switches=reported.cpu_ns // MS, fds=np.full(15, 12))
    observed = measurement(steady(100, latency_ms=0), server=reported)
    assert samples("server_switches_per_delivery", observed) == [pytest.approx(500 / 300)]
    assert samples("server_fds", observed) == [12]
    silent = measurement(steady(100), server=replace(reported, switches=np.full(15, -1), fds=np.full(15, -1)))
    for name in ("server_switches_per_delivery", "server_fds"):
        assert METRICS_BY_NAME[name].samples(silent) is None


def test_cpu_per_delivery_needs_samples_that_cover_the_window() -> None:
    late = usage(0.5)
    late = replace(late, at_ns=late.at_ns + 4 * SECOND)
    assert METRICS_BY_NAME["server_cpu_per_delivery"].samples(measurement(steady(10), server=late)) is None


def test_cpu_time_in_coarse_steps_needs_enough_of_them() -> None:
    metric = METRICS_BY_NAME["server_cpu_per_delivery"]
    few, enough = (replace(usage(share), cpu_step_ns=10 * MS) for share in (0.09, 0.11))
    assert metric.samples(measurement(steady(10), server=few)) is None
    assert metric.samples(measurement(steady(10), server=enough)) is not None


def test_memory_per_connection_is_a_slope_over_the_ramp_and_ignores_what_load_allocates() -> None:
    observed = measurement(steady(10), server=usage(0.5))
    assert samples("memory_per_connection", observed) == [pytest.approx(20.0)]


def test_a_server_that_wsproof_did_not_start_has_null_costs() -> None:
    summary_by_name = summaries(measurement(steady(10)))
    for name in ("server_cpu_per_delivery", "memory_per_connection"):
        assert summary_by_name[name] == Summary(METRICS_BY_NAME[name].unit, "lower", 0, None)


def test_only_feeds_have_feed_metrics() -> None:
    assert not FEED_METRICS & set(summaries(measurement(steady(10))))
    assert set(summaries(measurement(recorder().freeze(), FEED))) == {metric.name for metric in METRICS}


def feed(*times_ms: list[float]) -> Measurement:
    """Return a feed with a period of 100 ms and three viewers: one list per round, an entry per viewer."""
    record = recorder()
    record.ticks = [Tick(viewer, START + round(ms * MS), {}) for times in times_ms for viewer, ms in enumerate(times)]
    return measurement(record.freeze(), FEED)


def test_a_feed_has_spread_and_period_error_and_no_latency() -> None:
    observed = feed([10, 11, 12], [110, 111, 116], [210, 211, 212])
    assert samples("feed_spread", observed) == [2 * MS, 2 * MS, 6 * MS]
    assert samples("feed_period_error", observed) == [0, 0, 0, 0, 4 * MS, 4 * MS]
    assert samples("latency", observed) == []
    assert samples("deliveries_per_s", observed) == [9.0]


def test_a_round_of_a_feed_that_missed_a_viewer_has_no_spread() -> None:
    observed = feed([10, 11, 12], [110, 111], [210, 211, 212])
    assert samples("feed_spread", observed) == [2 * MS, 2 * MS]


def test_a_snapshot_on_connecting_has_no_spread_and_no_period() -> None:
    record = recorder(2)
    record.members[1] = replace(record.members[1], connected_ns=START + 150 * MS, in_ns=START + 151 * MS)
    for viewer, ms in [(0, 10), (0, 110), (1, 151), (0, 210), (1, 211), (0, 310), (1, 314)]:
        record.ticks.append(Tick(viewer, START + ms * MS, {}))
    observed = measurement(record.freeze(), FEED)
    assert samples("feed_spread", observed) == [0, 0, 1 * MS, 4 * MS]
    assert samples("feed_period_error", observed) == [0, 0, 0, 3 * MS]


def test_rounds_are_distinguished_although_a_viewer_is_most_of_a_period_late() -> None:
    observed = feed([10, 40, 80], [110, 140, 180], [210, 240, 280])
    assert samples("feed_spread", observed) == [70 * MS] * 3


def test_an_empty_history_has_every_key_and_no_number() -> None:
    summary_by_name = summaries(measurement(recorder(0).freeze()))
    assert summary_by_name["latency"].n == 0
    assert summary_by_name["latency"].p50 is None
    assert summary_by_name["reach"].n == 0
    assert summary_by_name["deliveries_per_s"].value == 0


def test_a_million_receipts_are_joined_exactly() -> None:
    members, count = 1000, 1000
    publisher = np.zeros(count, np.int64)
    sequence = np.arange(count, dtype=np.int64)
    intended = START + sequence * (SECOND // count)
    subscriber = np.repeat(np.arange(members, dtype=np.int64), count)
    which = np.tile(sequence, members)
    history = History(
        Publications(publisher, sequence, intended, intended, np.full(count, Phase.MEASURED), np.ones(count, np.int64)),
        Receipts(
            subscriber,
            np.zeros(len(which), np.int64),
            which,
            intended[which],
            intended[which] + MS + subscriber,
            np.zeros(len(which), np.int64),
            np.ones(len(which), np.int64),
        ),
        tuple(Member(number, str(number), in_ns=1) for number in range(members)),
        start_ns=START,
        end_ns=START + SECOND,
        drained_ns=START + 2 * SECOND,
    )
    summary_by_name = summaries(measurement(history))
    assert (summary_by_name["latency"].n, summary_by_name["latency"].min, summary_by_name["latency"].max) == (
        1_000_000,
        MS,
        MS + 999,
    )
    assert summary_by_name["time_to_last"].p50 == MS + 999
    assert summary_by_name["spread"].p50 == 999
    assert summary_by_name["reach"].min == 1.0


def test_each_value_is_shown_in_a_readable_unit() -> None:
    assert METRICS_BY_NAME["latency"].show(12_345_678) == "12.3 ms"
    assert METRICS_BY_NAME["latency"].show(45_678) == "0.0457 ms"
    assert METRICS_BY_NAME["reach"].show(1.0) == "100 %"
    assert METRICS_BY_NAME["server_cpu_per_delivery"].show(11.96) == "12.0 µs"
    assert METRICS_BY_NAME["deliveries_per_s"].show(19998) == "19,998 /s"
    assert METRICS_BY_NAME["backlog"].show(3) == "3"
    assert METRICS_BY_NAME["latency"].show(0) == "0 ms"
    assert METRICS_BY_NAME["latency"].show(None) == "–"


def test_every_metric_declares_all_its_fields() -> None:
    for metric in METRICS:
        assert metric.better in ("lower", "higher")
        assert metric.title
        assert metric.definition
    assert len(METRICS_BY_NAME) == len(METRICS)


def test_summaries_carry_unit_and_direction_of_their_metric() -> None:
    summary = summarise(METRICS_BY_NAME["reach"], np.array([1.0]))
    assert (summary.unit, summary.better, summary.value) == ("0-1", "higher", 1.0)

"""Tests of trust with kernel timestamps: late reads change nothing, a full receive buffer does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.stats.builders import CHAT, MS, QUIET, START, measurement, steady
from wsproof import Measurement
from wsproof.model.bench_record import ArrivalIntervals, GeneratorSetup
from wsproof.model.history import History
from wsproof.model.measurement import ArrivalStamps
from wsproof.report.text.run import generator_sentence
from wsproof.stats.arrival_stamps import arrival_intervals, earliest_ns
from wsproof.stats.trust import judge_trust, judged_summaries

WINDOW_BYTES = 100_000


def table(*rows: tuple[float, ...], width: int) -> np.ndarray:
    return np.array(rows, np.int64).reshape(-1, width)


def by_kernel(history: History, **tables: np.ndarray) -> Measurement:
    return measurement(history, CHAT, generator=replace(QUIET, stamps=ArrivalStamps("kernel", **tables)))


def codes(measured: Measurement) -> dict[str, bool]:
    return {caution.code: caution.invalidates for caution in judge_trust(measured)}


def test_an_undisturbed_measurement_has_no_warnings() -> None:
    assert codes(by_kernel(steady())) == {}


@pytest.mark.parametrize(("clock", "warned"), [("user", True), ("kernel", False)])
def test_a_late_event_loop_matters_only_to_the_generators_own_stamps(clock: str, warned: bool) -> None:
    lag = np.full(200, 50 * MS, np.int64)
    generator = replace(QUIET, loop_lag_ns=lag, stamps=ArrivalStamps(clock))
    assert ("loop-lag" in codes(measurement(steady(), CHAT, generator=generator))) is warned


class TestLateSends:
    @pytest.mark.parametrize(("latency_ms", "slip_ms", "is_void"), [(1.0, 0.5, True), (10.0, 0.5, False)])
    def test_late_sends_are_exact_and_void_a_figure_of_which_they_are_a_fifth(
        self, latency_ms: float, slip_ms: float, is_void: bool
    ) -> None:
        judged = by_kernel(steady(latency_ms=latency_ms, slip_ms=slip_ms))
        assert codes(judged).get("schedule-slip", False) is is_void


class TestFullBuffers:
    def filled(self, share: float, reads: int) -> Measurement:
        history = steady()
        at_ns = np.unique(history.receipts.received_ns)[:reads]
        rows = [(int(at), int(share * WINDOW_BYTES), WINDOW_BYTES) for at in at_ns]
        return by_kernel(history, queues=table(*rows, width=3))

    def test_a_buffer_that_is_not_full_voids_nothing(self) -> None:
        assert codes(self.filled(0.7, 100)) == {}

    def test_a_few_full_buffers_void_the_tails(self) -> None:
        metrics, _ = judged_summaries(self.filled(1.0, 5))
        assert {"p99", "p999", "max"} <= set(metrics["latency"].void)
        assert "p50" not in metrics["latency"].void
        assert not metrics["reach"].void

    def test_many_full_buffers_void_all_times(self) -> None:
        metrics, cautions = judged_summaries(self.filled(1.0, 100))
        assert {"p50", "p99"} <= set(metrics["latency"].void)
        assert not metrics["reach"].void
        assert "100 times" in cautions[0].message


class TestReadTogether:
    def late(self, width_ms: float, *, slept: bool = False, **more: np.ndarray) -> Measurement:
        """Return a run whose receipts came 10 ms after the send, each in a read with several messages."""
        history = steady()
        at_ns = np.unique(history.receipts.received_ns)
        woke_ns = at_ns + 20_000 if slept else np.zeros(len(at_ns), np.int64)
        rows = np.column_stack([at_ns - int(width_ms * MS), at_ns, np.full(len(at_ns), 3), woke_ns])
        return by_kernel(history, intervals=rows, **more)

    def test_a_figure_that_is_known_within_a_fifth_is_valid(self) -> None:
        assert codes(self.late(1.0)) == {}

    def test_a_figure_that_may_be_much_lower_is_void_and_shows_both_values(self) -> None:
        judged = self.late(6.0)
        metrics, cautions = judged_summaries(judged)
        assert codes(judged) == {"inexact-arrival-times": True}
        assert "latency p99 (10.0 ms; 4.00 ms if each arrived as early as possible)" in cautions[0].message
        assert metrics["latency"].void["p99"].without == pytest.approx(4 * MS)
        assert not metrics["reach"].void

    def test_a_loop_that_slept_until_the_first_message_voids_nothing(self) -> None:
        assert codes(self.late(6.0, slept=True)) == {}

    def test_a_loop_that_was_late_may_have_slept_through_the_first_message(self) -> None:
        late = table((START, START + 1000 * MS), width=2)
        assert codes(self.late(6.0, slept=True, late=late)) == {"inexact-arrival-times": True}

    def test_nothing_arrives_before_it_was_sent(self) -> None:
        metrics, _ = judged_summaries(self.late(1000.0))
        assert metrics["latency"].void["p99"].without == pytest.approx(0.0)

    def test_a_receipt_outside_of_all_intervals_is_exact(self) -> None:
        stamps = ArrivalStamps("kernel", intervals=table((10, 20, 1, 0), (12, 30, 1, 0), width=4))
        assert earliest_ns(np.array([5, 20, 25, 30, 40]), stamps).tolist() == [5, 10, 25, 12, 40]


class TestClockSteps:
    @pytest.mark.parametrize(("at_ms", "is_void"), [(-500, False), (500, True)])
    def test_a_step_in_the_window_voids_the_times_and_says_when(self, at_ms: int, is_void: bool) -> None:
        row = (START + at_ms * MS, START + (at_ms + 50) * MS, -3 * MS)
        judged = by_kernel(steady(), steps=table(row, width=3))
        assert codes(judged) == ({"clock-step": True} if is_void else {})
        if is_void:
            assert "by -3.000 ms, 0.50 to 0.55 s after the window began" in judge_trust(judged)[0].message


class TestIntervals:
    STAMPS = ArrivalStamps("kernel", intervals=table((0, 10, 98, 1), (0, 200, 1, 1), (0, 5000, 1, 0), width=4))

    def test_widths_are_weighted_by_messages(self) -> None:
        intervals = arrival_intervals(self.STAMPS)
        assert (intervals.messages, intervals.width_p50_ns, intervals.width_p99_ns, intervals.width_max_ns) == (
            100,
            10,
            200,
            5000,
        )

    def test_without_intervals_there_is_no_width(self) -> None:
        assert arrival_intervals(ArrivalStamps("kernel")) == ArrivalIntervals(0, 0, 0, 0)

    def test_the_sentence_names_the_clock(self) -> None:
        setup = GeneratorSetup(1, chosen=True)
        assert "clock" not in generator_sentence(setup)
        assert "stamped by the load generator" in generator_sentence(replace(setup, stamps="user"))
        by_kernel = replace(setup, stamps="kernel", intervals=arrival_intervals(self.STAMPS), full_buffers=0)
        assert generator_sentence(by_kernel).endswith(
            "arrival times stamped by the kernel; 100 messages read together with a later one, 99 % of them exact to "
            "within 200 ns"
        )
        assert GeneratorSetup.from_json(by_kernel.to_json()) == by_kernel

"""Tests of the closed loop: the number of outstanding messages is limited, and no latency is reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from tests.load.conftest import Serve, follow, small_plan
from wsproof import Audience, Contract, UsageError
from wsproof.checks import run_checks
from wsproof.load.worker import closed_loop
from wsproof.load.worker.closed_loop import GIVEN_UP_NS, ClosedLoop, kind_of_own_receipt
from wsproof.load.worker.connection import Connection
from wsproof.load.worker.pacer import Publisher
from wsproof.load.worker.recorder import WorkerRecorder
from wsproof.model.history import Kind
from wsproof.model.nanoseconds import NS
from wsproof.model.plan import Phase, Plan
from wsproof.stats.metrics import summaries
from wsproof.workloads import load_channels


def closed(in_flight: int, workload: str = "chat", *, publishers: int = 1, processes: int = 1) -> Plan:
    plan = small_plan(workload, publishers=publishers, processes=processes, duration_s=0.5, drain_s=90)
    return replace(plan, in_flight=in_flight)


@pytest.mark.parametrize(("in_flight", "workload", "processes"), [(1, "chat", 1), (3, "chat", 2), (4, "echo", 1)])
def test_a_publisher_never_has_more_in_flight_than_its_window(
    serve: Serve, in_flight: int, workload: str, processes: int
) -> None:
    with serve("fair") as endpoint:
        measurement = follow(closed(in_flight, workload, publishers=2, processes=processes), endpoint)
    history = measurement.history
    assert run_checks(history, measurement.contract) == []
    sent, receipts = history.publications, history.receipts
    measured = sent.phase != Phase.PROBE
    for publisher in (0, 1):
        left = np.sort(sent.sent_ns[measured & (sent.publisher == publisher)])
        first = sent.sequence[measured & (sent.publisher == publisher)].min()
        own = (receipts.subscriber == publisher) & (receipts.publisher == publisher) & (receipts.kind == Kind.DELIVERY)
        back = np.sort(receipts.received_ns[own & (receipts.sequence >= first)])
        came_before = np.searchsorted(back, left, side="right")
        assert ((np.arange(len(left)) - came_before) < in_flight).all()


def test_a_closed_loop_has_service_times_and_a_resulting_rate_and_no_latency(serve: Serve) -> None:
    with serve("fair") as endpoint:
        measurement = follow(closed(2), endpoint)
    metrics = summaries(measurement)
    for name in ("latency", "time_to_last", "schedule_slip"):
        assert metrics[name].n == 0
    # Even on a busy machine, every message that was sent in the window has come back.
    measured = int((measurement.history.publications.phase == Phase.MEASURED).sum())
    assert metrics["service_time"].n == measured * 7
    plan = measurement.plan
    assert plan.rate_hz == pytest.approx(measured / plan.duration_s)
    assert plan.to_json()["loop"] == "closed"
    assert plan.to_json()["arrivals"] is None
    assert measurement.generator.unsent == 0


def test_a_feed_cannot_be_a_closed_loop(serve: Serve) -> None:
    with serve("fair") as endpoint, pytest.raises(UsageError, match="leave out --closed"):
        follow(closed(1, "dashboard"), endpoint)


@pytest.mark.parametrize(
    ("contract", "kind"),
    [
        (Contract("a", Audience.EVERYONE, replies=True), Kind.DELIVERY),
        (Contract("b", Audience.PUBLISHER), Kind.DELIVERY),
        (Contract("c", Audience.OTHERS, replies=True), Kind.REPLY),
    ],
)
def test_the_returning_message_kind_follows_the_contract_of_the_channel(contract: Contract, kind: Kind) -> None:
    assert kind_of_own_receipt(contract) == kind


def test_a_window_of_zero_is_a_usage_error(serve: Serve) -> None:
    with serve("fair") as endpoint, pytest.raises(UsageError, match="at least one publication in flight"):
        follow(closed(0), endpoint)


class Bench:
    """A closed loop with one publisher, on a clock that is moved by hand."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, in_flight: int) -> None:
        self.now = 0
        self.sent: list[tuple[int, Phase]] = []
        self.hear: Callable[[tuple[int, int, int]], None] = lambda row: None
        patch.setattr(closed_loop, "monotonic_ns", lambda: self.now)
        self.recorder = WorkerRecorder(folder, 0, load_channels("tutorial")["echo"])
        self.loop = ClosedLoop(cast(Publisher, self), self.recorder, in_flight)
        member: Any = SimpleNamespace(member=0, set_receiver=lambda received: setattr(self, "hear", received))
        self.loop.start([cast(Connection, member)], window_ns=NS, end_ns=100 * NS)

    def publish(self, member: int, phase: Phase) -> int:
        self.sent.append((self.now, phase))
        return len(self.sent) - 1

    def come_back(self, sequence: int, kind: Kind = Kind.DELIVERY) -> None:
        assert self.recorder.keys is not None
        self.recorder.keys[len(self.recorder.kinds)] = (0, sequence)
        self.recorder.kinds.append(kind)
        self.hear((0, len(self.recorder.kinds) - 1, self.now))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch, in_flight=2)


def test_a_returned_message_releases_the_next_publication(bench: Bench) -> None:
    assert len(bench.sent) == 2
    bench.come_back(1)
    assert len(bench.sent) == 3
    bench.come_back(1)  # a duplicate sets nothing free
    assert len(bench.sent) == 3
    bench.come_back(0, Kind.REPLY)  # nor does a message that is not expected
    assert len(bench.sent) == 3
    bench.come_back(0)
    assert len(bench.sent) == 4


def test_a_lost_message_does_not_stop_the_load(bench: Bench) -> None:
    bench.now = GIVEN_UP_NS
    bench.loop.give_up_old()
    assert len(bench.sent) == 2
    bench.now += 1
    bench.loop.give_up_old()
    assert len(bench.sent) == 4


def test_phases_follow_the_clock_and_nothing_is_sent_after_the_end(bench: Bench) -> None:
    bench.now = NS - 1
    bench.come_back(0)
    bench.now = NS
    bench.come_back(1)
    assert [phase for _, phase in bench.sent] == [Phase.WARMUP] * 3 + [Phase.MEASURED]
    bench.now = 100 * NS
    bench.come_back(2)
    assert len(bench.sent) == 4

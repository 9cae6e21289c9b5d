"""Tests of rounds: one publication at a time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from tests.load.conftest import Serve
from wsproof import Measurement, UsageError
from wsproof.load import broadcast_rounds
from wsproof.model.history import History, Kind
from wsproof.model.plan import Phase
from wsproof.net.endpoint import Endpoint


def play(endpoint: Endpoint, workload: str = "chat", *, subscribers: int = 5, deadline_s: float = 10.0) -> Measurement:
    return broadcast_rounds(
        workload=workload,
        channels="tutorial",
        settings={},
        endpoint=endpoint,
        subscribers=subscribers,
        rounds=12,
        warmup_rounds=3,
        round_deadline_s=deadline_s,
    )


def measured_times(history: History) -> list[tuple[int, int]]:
    """Return the start of each measured round, and the time at which its last delivery was read."""
    publications, receipts = history.publications, history.receipts
    times = []
    for sequence, sent in zip(publications.sequence, publications.intended_ns, strict=True):
        of_round = (receipts.sequence == sequence) & (receipts.kind == Kind.DELIVERY)
        times.append((int(sent), int(receipts.received_ns[of_round].max())))
    return [time for time, phase in zip(times, publications.phase, strict=True) if phase == Phase.MEASURED]


def test_each_round_begins_when_the_previous_one_has_reached_every_member(serve: Serve) -> None:
    with serve("fair") as endpoint:
        history = play(endpoint).history
    times = measured_times(history)
    assert len(times) == 12
    assert (history.publications.phase == Phase.WARMUP).sum() == 3
    assert all(before[1] <= after[0] for before, after in pairwise(times))
    assert history.start_ns <= times[0][0]
    assert times[-1][1] <= history.end_ns


def test_rounds_of_an_echo_reach_only_the_publisher(serve: Serve) -> None:
    with serve("fair") as endpoint:
        history = play(endpoint, "echo").history
    assert set(history.receipts.subscriber.tolist()) == {0}
    assert len(history.receipts) == len(history.publications)


def test_a_round_that_misses_a_member_stays_incomplete(serve: Serve) -> None:
    with serve("drop") as endpoint:
        measurement = play(endpoint, deadline_s=0.05)
    history = measurement.history
    receipts = history.receipts
    measured = history.publications.sequence[history.publications.phase == Phase.MEASURED]
    reached = [int(((receipts.sequence == sequence) & (receipts.kind == Kind.DELIVERY)).sum()) for sequence in measured]
    assert set(reached) == {4, 5}
    assert len(reached) == 12
    assert np.isclose(measurement.plan.rate_hz * measurement.plan.duration_s, 12)


def test_a_feed_has_no_rounds() -> None:
    with pytest.raises(UsageError, match="no publications"):
        play(Endpoint("127.0.0.1", 1), "dashboard")

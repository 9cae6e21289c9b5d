"""Tests that the engine's report agrees with the server's own log, delivery by delivery.

There are no thresholds: both sides read one clock, so a delivery cannot arrive before it was sent, and a delivery
that the server delayed took at least that long. How closely the figures agree on a quiet machine is measured in
`harness/benchmarks/known_answers.py`.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest

from tests.load.conftest import SERVERS, Serve, follow, small_plan
from tests.load.servers import HELD, HOLD_S, PAUSE_EVERY, PAUSE_S, SLOW_MEMBER, hold_s, is_marked
from wsproof import Measurement
from wsproof.model.history import History, Kind
from wsproof.model.nanoseconds import NS
from wsproof.model.plan import Phase
from wsproof.net.endpoint import Endpoint
from wsproof.stats.metrics import METRICS_BY_NAME, summaries

MEMBERS = 5
SHARES = {"p50": 0.5, "p90": 0.9, "max": 1.0}
Key = tuple[int, int]
"""Subscriber, sequence; there is one publisher."""


@dataclass
class ServerLog:
    """The server's log, in ns."""

    came: dict[int, int] = field(default_factory=dict)
    sent: dict[Key, int] = field(default_factory=dict)


@contextmanager
def logged_server(behaviour: str) -> Iterator[tuple[Endpoint, ServerLog]]:
    process = subprocess.Popen(
        [sys.executable, str(SERVERS), behaviour, "--diary"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    log = ServerLog()
    try:
        yield Endpoint("127.0.0.1", int(process.stdout.readline())), log
        process.stdin.close()
        diary = json.loads(process.stdout.read())
        log.came |= dict(diary["came"])
        log.sent |= {(member, sequence): at for member, sequence, at in diary["sent"]}
    finally:
        process.stdin.close()
        process.stdout.close()
        process.kill()
        process.wait(90)


def measured(behaviour: str, duration_s: float = 0.4) -> tuple[Measurement, ServerLog]:
    with logged_server(behaviour) as (endpoint, log):
        plan = small_plan(subscribers=MEMBERS, duration_s=duration_s, drain_s=90.0, ramp_s=90.0, rate_hz=150.0)
        measurement = follow(plan, endpoint)
    return measurement, log


def received(history: History) -> dict[Key, int]:
    """Return the time at which each delivery was read."""
    chosen = history.receipts.kind == Kind.DELIVERY
    keys = zip(history.receipts.subscriber[chosen], history.receipts.sequence[chosen], strict=True)
    return dict(zip([(int(a), int(b)) for a, b in keys], history.receipts.received_ns[chosen].tolist(), strict=True))


def intended(history: History) -> dict[int, int]:
    """Return the intended send time of each publication in the window."""
    sent = history.publications
    chosen = sent.phase == Phase.MEASURED
    return dict(zip(sent.sequence[chosen].tolist(), sent.intended_ns[chosen].tolist(), strict=True))


def ranked(values: list[int], share: float) -> int:
    """Return the nearest-rank percentile, by an independent implementation."""
    return sorted(values)[max(math.ceil(share * len(values) - 1e-9), 1) - 1]


@pytest.mark.parametrize("behaviour", HELD)
def test_delivery_times_are_not_below_the_servers_own_and_percentiles_include_all(behaviour: str) -> None:
    measurement, log = measured(behaviour)
    history = measurement.history
    read_ns, intended_ns = received(history), intended(history)
    assert read_ns.keys() == log.sent.keys()
    assert all(read_ns[key] >= at for key, at in log.sent.items())
    sent_ns = dict(zip(history.publications.sequence.tolist(), history.publications.sent_ns.tolist(), strict=True))
    assert all(log.came[sequence] >= at for sequence, at in sent_ns.items())

    latency = [at - intended_ns[sequence] for (_, sequence), at in read_ns.items() if sequence in intended_ns]
    known = [at - intended_ns[sequence] for (_, sequence), at in log.sent.items() if sequence in intended_ns]
    reported = summaries(measurement)["latency"]
    assert reported.n == len(latency) == MEMBERS * len(intended_ns)
    for name, share in SHARES.items():
        assert getattr(reported, name) == ranked(latency, share)
        assert getattr(reported, name) >= ranked(known, share)
    assert reported.min == min(latency)
    assert summaries(measurement)["reach"].min == 1.0


@pytest.mark.parametrize("behaviour", ["hold", "spread", "slow"])
def test_a_delayed_delivery_has_at_least_the_latency_of_the_delay(behaviour: str) -> None:
    measurement, log = measured(behaviour)
    sent_ns = {
        int(sequence): int(at)
        for sequence, at in zip(
            measurement.history.publications.sequence, measurement.history.publications.sent_ns, strict=True
        )
    }
    early_ns = 1_000_000  # an event loop's timer may fire early by this much
    for (member, sequence), at in received(measurement.history).items():
        assert at - sent_ns[sequence] >= hold_s(behaviour, member, sequence) * NS - early_ns
    slow = [at - log.came[sequence] for (member, sequence), at in log.sent.items() if member == SLOW_MEMBER]
    assert behaviour != "slow" or min(slow) >= HOLD_S * NS - early_ns


def test_publications_due_during_a_pause_have_a_latency_up_to_its_end() -> None:
    measurement, log = measured("pause", duration_s=0.9)
    history = measurement.history
    read_ns, intended_ns = received(history), intended(history)
    for last in range(PAUSE_EVERY - 1, max(log.came), PAUSE_EVERY):
        began = log.came[last]
        ended = min(at for (_, sequence), at in log.sent.items() if sequence == last)
        assert ended - began >= PAUSE_S * NS
        waited = {sequence for sequence, at in intended_ns.items() if began < at < ended}
        # 150 per second for 0.15 seconds where the window has room for them: the schedule does not wait.
        if history.start_ns < began and ended < history.end_ns:
            assert len(waited) >= 20
        assert all(
            at - intended_ns[key[1]] >= ended - intended_ns[key[1]] for key, at in read_ns.items() if key[1] in waited
        )


def test_the_reach_is_the_fraction_that_the_server_forwarded(serve: Serve) -> None:
    with serve("drop") as endpoint:
        measurement = follow(small_plan(subscribers=MEMBERS, drain_s=4.0), endpoint)
    samples = METRICS_BY_NAME["reach"].samples(measurement)
    assert samples is not None
    known = [
        sum(not is_marked(member, sequence) for member in range(MEMBERS)) / MEMBERS
        for sequence in intended(measurement.history)
    ]
    assert np.allclose(samples, known)

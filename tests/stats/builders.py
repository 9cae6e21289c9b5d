"""Small measurements, built by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wsproof import Audience, Contract, Feed, Measurement
from wsproof.model.history import History, Member, Recorder
from wsproof.model.measurement import GeneratorUsage, ServerUsage
from wsproof.model.plan import Phase, Plan

MS = 1_000_000
SECOND = 1_000 * MS
START = 100 * SECOND
"""Start of the window of these histories, which is one second long."""

CHAT = Contract("chat", Audience.EVERYONE, replies=True)
FEED = Contract("dashboard", Audience.NOBODY, feed=Feed(0.1, ()))
QUIET = GeneratorUsage(cpu_share=np.array([0.1]), loop="uvloop")


def recorder(members: int = 3) -> Recorder:
    """Return a recorder whose members joined one second before the window."""
    recorder = Recorder(start_ns=START, end_ns=START + SECOND, drained_ns=START + 2 * SECOND)
    recorder.members = [
        Member(number, str(number + 1), connect_ns=MS, connected_ns=START - 2 * SECOND, in_ns=START - SECOND)
        for number in range(members)
    ]
    return recorder


def publish(
    recorder: Recorder,
    sequence: int,
    at_ms: float,
    arrivals_ms: Sequence[float | None],
    *,
    slip_ms: float = 0,
    phase: Phase = Phase.MEASURED,
) -> None:
    """Let member 0 publish, `at_ms` into the window. Member i receives it `arrivals_ms[i]` later (None: never)."""
    intended = START + round(at_ms * MS)
    recorder.published(0, sequence, intended, intended + round(slip_ms * MS), phase)
    for member, after in enumerate(arrivals_ms):
        if after is not None:
            recorder.received(member, 0, sequence, intended, intended + round(after * MS))


def measurement(
    history: History,
    contract: Contract = CHAT,
    *,
    generator: GeneratorUsage = QUIET,
    server: ServerUsage | None = None,
) -> Measurement:
    """Return a measurement of that history, with an undisturbed generator by default."""
    return Measurement(Plan(subscribers=len(history.members)), contract, history, generator, server)


def steady(count: int = 1000, latency_ms: float = 10.0, *, slip_ms: float = 0.0) -> History:
    """Return a correct history: `count` publications to three members, evenly over the window."""
    record = recorder()
    for sequence in range(count):
        publish(record, sequence, sequence * 1000 / count, [latency_ms] * 3, slip_ms=slip_ms)
    return record.freeze()

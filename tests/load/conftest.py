"""Fixtures with servers and plans for the tests of the engine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from wsproof import Measurement
from wsproof.load import run_plan
from wsproof.model.plan import Plan
from wsproof.net.endpoint import Endpoint

SERVERS = Path(__file__).with_name("servers.py")


@contextmanager
def serving(behaviour: str) -> Iterator[Endpoint]:
    """Run one of the servers in `servers.py`."""
    process = subprocess.Popen(
        [sys.executable, str(SERVERS), behaviour], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Endpoint("127.0.0.1", int(process.stdout.readline()))
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(90)


Serve = Callable[[str], AbstractContextManager[Endpoint]]


@pytest.fixture
def serve() -> Serve:
    return serving


def small_plan(
    workload: str = "chat",
    subscribers: int = 7,
    *,
    publishers: int = 1,
    processes: int = 1,
    duration_s: float = 0.25,
    drain_s: float = 10.0,
    ramp_s: float = 20.0,
    rate_hz: float = 200.0,
) -> Plan:
    """Return a plan that takes a second or two."""
    return Plan(
        workload,
        subscribers,
        publishers,
        rate_hz,
        duration_s,
        warmup_s=0.1,
        drain_s=drain_s,
        ramp_s=ramp_s,
        processes=processes,
    )


def follow(plan: Plan, endpoint: Endpoint, *, loop: str = "auto", columns: Path | None = None) -> Measurement:
    """Run a plan with the tutorial's channels."""
    plan = replace(plan, event_loop=loop)
    return run_plan(plan, channels="tutorial", settings={}, endpoint=endpoint, columns=columns)

"""The two loads of `benchmarks.truth`: 1,000 messages a second over 100 connections."""

from __future__ import annotations

from wsproof.model.plan import Plan

CONNECTIONS = 100
WARMUP_S = 2.0

SHAPES = {"echo": "1,000 echoes a second, evenly over time", "chat": "10 publications a second, to all 100 at once"}


def plan_of(shape: str, seconds: float) -> Plan:
    """The load as a plan of the engine. Rivals follow its schedule."""
    publishers, rate_hz = (CONNECTIONS, 1000.0) if shape == "echo" else (1, 10.0)
    return Plan(shape, CONNECTIONS, publishers, rate_hz, seconds, WARMUP_S)

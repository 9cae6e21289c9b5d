"""The loads of `benchmarks.truth`: 1,000 messages a second over 100 connections, and 10,000 over 1,000."""

from __future__ import annotations

from wsproof.model.plan import Plan

WARMUP_S = 2.0

SHAPES = {
    "echo": "1,000 echoes a second over 100 connections, evenly over time",
    "chat": "10 publications a second, to all 100 at once",
    "crowd": "10 publications a second, to all 1,000 at once",
}


def plan_of(shape: str, seconds: float) -> Plan:
    """The load as a plan of the engine. Rivals follow its schedule."""
    if shape == "echo":
        return Plan("echo", 100, 100, 1000.0, seconds, WARMUP_S)
    return Plan("chat", 1000 if shape == "crowd" else 100, 1, 10.0, seconds, WARMUP_S)

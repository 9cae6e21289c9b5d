"""The finding that a channel served its members before, and no longer serves anybody."""

from __future__ import annotations

import time
from collections.abc import Callable

from wsproof.delivery.delivery_property import STOPPED_WORKING
from wsproof.delivery.execute import ScheduleExecution
from wsproof.delivery.schedule import Schedule
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.net.budget import Budget

RETRIES = 3
"""Number of attempts of a fresh client to be served, before a finding is reported."""
PAUSE_S = 1.0
"""Seconds between two attempts: a server that was busy, or that limits connections per second, serves again by then."""
SHOWN = 6
"""Maximum number of steps of the previous schedule that the finding shows."""


def is_silent(findings: list[Finding]) -> bool:
    """Whether nothing at all was received in a schedule."""
    return any(finding.check == "received" and finding.anomaly is Anomaly.UNKNOWN for finding in findings)


def may_be_a_ban(execution: ScheduleExecution) -> bool:
    """Whether the server refused the client for connecting too often (429)."""
    return "429" in execution.first_received


def stays_silent(serves: Callable[[], bool], budget: Budget) -> bool:
    """Whether fresh clients are not served either, after a while."""
    for _ in range(RETRIES):
        budget.check()
        time.sleep(budget.at_most(PAUSE_S))
        if serves():
            return False
    return True


def stopped_working(channel: str, execution: ScheduleExecution, before: Schedule) -> Finding:
    """The finding, with the last steps of the schedule before."""
    members = execution.history.members
    opened = sum(bool(member.connected_ns) for member in members)
    explanation = (
        f"The channel served its members before, and then it stopped: {opened} of {len(members)} connections opened, "
        f"the members received {execution.first_received}, and {RETRIES * PAUSE_S:g} s later fresh clients were not "
        "served either. A fresh server serves them, so an earlier schedule caused this."
    )
    steps = tuple(f"before: {step.describe()}" for step in before[-SHOWN:])
    return Finding(STOPPED_WORKING, channel, Anomaly.NOTHING_RECEIVED, Level.VIOLATION, explanation, steps)

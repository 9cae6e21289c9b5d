"""Tests of a member that is cut off: a control run shows whether the server closes every silent connection."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.checks.histories import QUIET_CHAT, a_room
from wsproof.checks import run_checks
from wsproof.delivery.listening_control import ListeningControl
from wsproof.model.finding import Anomaly
from wsproof.model.history import Departure

S = 1_000_000_000


def execution(silent_s: float) -> Any:
    """Return a run in which member 2 is cut off after this silence while the others publish."""
    room = a_room(members=3, messages=3, contract=QUIET_CHAT)
    room.now += int(silent_s * S)
    room.leave(2, Departure.DROPPED)
    room.publish(0)
    return SimpleNamespace(history=room.history())


class Listener:
    def __init__(self, ends_s: float | None) -> None:
        self.ends_s, self.asked_s = ends_s, list[float]()

    def __call__(self, listen_s: float) -> float | None:
        self.asked_s.append(listen_s)
        return self.ends_s if self.ends_s is not None and self.ends_s <= listen_s else None


def explained(silent_s: float, ends_s: float | None) -> tuple[Anomaly, Listener]:
    execution_, listener = execution(silent_s), Listener(ends_s)
    control = ListeningControl(listener)
    for _ in range(2):
        (finding,) = (
            each
            for each in control.explained(run_checks(execution_.history, QUIET_CHAT), execution_)
            if each.check == "disconnected"
        )
    return finding.anomaly, listener


@pytest.mark.parametrize(
    ("silent_s", "ends_s", "anomaly"),
    [
        (1.0, 1.0, Anomaly.UNKNOWN),
        (1.0, 1.2, Anomaly.UNKNOWN),
        (1.0, None, Anomaly.LOST),
        (3.0, 1.0, Anomaly.LOST),
    ],
)
def test_only_a_control_run_with_the_same_end_explains_a_loss_and_it_runs_once(
    silent_s: float, ends_s: float | None, anomaly: Anomaly
) -> None:
    explanation, listener = explained(silent_s, ends_s)
    assert explanation is anomaly
    assert len(listener.asked_s) == 1


def test_a_connection_that_ends_at_once_needs_no_control_run() -> None:
    explanation, listener = explained(0.05, 0.05)
    assert explanation is Anomaly.LOST
    assert listener.asked_s == []

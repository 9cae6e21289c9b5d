"""A locustfile for busy machines: the test ends once enough was delivered, and a slow worker is not taken for dead."""

from __future__ import annotations

from typing import Any

import gevent
from locust import events, runners

from scenarios.chat import ChatUser

__all__ = ["ChatUser"]

ENOUGH_DELIVERIES = 80

runners.HEARTBEAT_LIVENESS = 60


def begin(environment: Any, **_: Any) -> None:
    if isinstance(environment.runner, runners.MasterRunner):
        gevent.spawn(end_with_enough, environment)


def end_with_enough(environment: Any) -> None:
    while environment.stats.total.num_requests < ENOUGH_DELIVERIES:  # the total has deliveries only
        gevent.sleep(0.1)
    environment.runner.quit()


events.test_start.add_listener(begin)  # type: ignore[no-untyped-call]

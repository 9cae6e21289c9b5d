"""A locustfile without users: the test ends once Locust has counted enough requests, however long that takes.

ENOUGH_ROWS names the rows of Locust's table that must have ENOUGH_COUNT requests each. A failure ends the test, too.
"""

from __future__ import annotations

import os
from typing import Any

import gevent
from locust import events, runners


def begin(environment: Any, **_: Any) -> None:
    if not isinstance(environment.runner, runners.WorkerRunner):
        gevent.spawn(end_with_enough, environment)


def end_with_enough(environment: Any) -> None:
    rows, count = os.environ["ENOUGH_ROWS"].split(","), int(os.environ.get("ENOUGH_COUNT", "30"))
    while not environment.stats.errors and any(requests(environment, row) < count for row in rows):
        gevent.sleep(0.1)
    environment.runner.quit()


def requests(environment: Any, row: str) -> int:
    return sum(entry.num_requests for entry in environment.stats.entries.values() if entry.name == row)


events.test_start.add_listener(begin)  # type: ignore[no-untyped-call]

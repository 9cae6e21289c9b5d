"""Workers that end while a test runs. Of their users nothing is known any more."""

from __future__ import annotations

import logging
from typing import Any

from locust.runners import STATE_MISSING

from wsproof.locust.session import session_of
from wsproof.locust.stats import log_failures

logger = logging.getLogger(__name__)


class WorkerLost(Exception):
    """The failure that Locust shows for a worker that has ended, or that does not answer any more."""


def alive_workers(runner: Any) -> set[str]:
    """The ids of the master's workers that answer. Locust calls a worker missing after three seconds of silence."""
    return {worker.id for worker in runner.clients.all if worker.state != STATE_MISSING}


def lost_workers_in_words(count: int) -> str:
    """A sentence about lost workers."""
    workers = "a Locust worker has" if count == 1 else f"{count} Locust workers have"
    return f"{workers} ended during the test: of the users and their messages nothing is known"


def look_for_lost_workers(environment: Any) -> None:
    """Report each worker that has been lost since the last look, once, as a failure. Runs in the master."""
    session, alive = session_of(environment), alive_workers(environment.runner)
    session.workers |= alive
    for _ in session.workers - alive - session.gone:
        log_failures(environment, "wsproof: worker", WorkerLost(lost_workers_in_words(1)), 1)
        logger.error("wsproof: %s", lost_workers_in_words(1))
    session.gone |= session.workers - alive

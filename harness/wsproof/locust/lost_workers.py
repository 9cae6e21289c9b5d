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
    """A sentence about workers that have ended or do not answer."""
    workers = "a Locust worker has ended, or does" if count == 1 else f"{count} Locust workers have ended, or do"
    return f"{workers} not answer: of the users and their messages nothing is known"


def look_for_lost_workers(environment: Any) -> None:
    """Log each worker that does not answer any more, and each that answers again. Runs in the master.

    A worker on a busy machine may only be slow. So it is a failure only if it is missing at the end of the test.
    """
    session, alive = session_of(environment), alive_workers(environment.runner)
    session.workers |= alive
    for _ in session.workers - alive - session.gone:
        logger.error("wsproof: %s", lost_workers_in_words(1))
    for _ in session.gone & alive:
        logger.warning("wsproof: a Locust worker that did not answer does so again")
    session.gone = session.workers - alive


def fail_for_lost_worker(environment: Any) -> None:
    """Report a worker of which nothing is known, as a failure."""
    log_failures(environment, "wsproof: worker", WorkerLost(lost_workers_in_words(1)), 1)

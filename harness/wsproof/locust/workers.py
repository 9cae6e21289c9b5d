"""The workers of a Locust master: their live reports, and those that end while a test runs.

Workers send live reports within Locust's own reports. Nothing is known about the users of a worker that has ended.
"""

from __future__ import annotations

import logging
from typing import Any

from locust.runners import STATE_MISSING, MasterRunner, WorkerRunner

from wsproof.locust.live_load import from_text, to_text
from wsproof.locust.session import session_of
from wsproof.locust.stats import log_failures

logger = logging.getLogger(__name__)

KEY = "wsproof"
"""The entry in a worker's report."""


class WorkerLost(Exception):
    """The failure that Locust shows for a worker that has ended, or that does not answer any more."""


def alive_workers(runner: Any) -> set[str]:
    """The ids of the master's workers that answer: they have sent a heartbeat in the last four seconds.

    Locust counts down each second without a heartbeat. It calls a worker missing only one second after the countdown.
    """
    return {worker.id for worker in runner.clients.all if worker.state != STATE_MISSING and worker.heartbeat >= 0}


def lost_workers_sentence(count: int) -> str:
    """A sentence about workers that have ended or do not answer."""
    workers = "a Locust worker has ended, or does" if count == 1 else f"{count} Locust workers have ended, or do"
    return f"{workers} not answer: nothing is known about the users and their messages"


def note_lost_workers(environment: Any) -> None:
    """Log each worker that no longer answers, and each that answers again. Runs in the master.

    A worker on a busy machine may only be slow. So it is a failure only if it is missing at the end of the test.
    """
    session, alive = session_of(environment), alive_workers(environment.runner)
    session.workers |= alive
    for _ in session.workers - alive - session.gone:
        logger.error("wsproof: %s", lost_workers_sentence(1))
    for _ in session.gone & alive:
        logger.warning("wsproof: a Locust worker that did not answer does so again")
    session.gone = session.workers - alive


def fail_for_lost_worker(environment: Any) -> None:
    """Report a lost worker as a failure."""
    log_failures(environment, "wsproof: worker", WorkerLost(lost_workers_sentence(1)), 1)


def connect_processes(environment: Any) -> None:
    """Register the listeners of Locust's reports."""
    if isinstance(environment.runner, WorkerRunner):
        environment.events.report_to_master.add_listener(lambda client_id, data: add_live(environment, data))
    elif isinstance(environment.runner, MasterRunner):
        environment.events.worker_report.add_listener(lambda client_id, data: take_live(environment, client_id, data))


def add_live(environment: Any, data: dict[str, Any]) -> None:
    """Add the live figures of this worker's runs since its last report."""
    runs = session_of(environment).runs.values()
    data[KEY] = to_text([(run.workload.name, run.live.take_new(), run.live.findings()) for run in runs])


def take_live(environment: Any, client_id: str, data: dict[str, Any]) -> None:
    """Take a worker's report."""
    if KEY in data:
        for workload, seconds, findings in from_text(data[KEY]):
            session_of(environment).live.take(client_id, workload, seconds, findings)

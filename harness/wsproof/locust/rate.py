"""Changes of the rate of publications while a test runs, in all its processes."""

from __future__ import annotations

from typing import Any

from locust.runners import MasterRunner, WorkerRunner

from wsproof.locust.session import session_of

RATE = "wsproof-rate"
"""The message of a master to its workers, with the new factor."""


def connect_processes(environment: Any) -> None:
    """Register the message in a worker."""
    if isinstance(environment.runner, WorkerRunner):
        environment.runner.register_message(RATE, take_factor)


def take_factor(environment: Any, msg: Any, **_: Any) -> None:
    """Take the factor of the master. Runs in a worker."""
    set_rate_factor(environment, msg.data["factor"])


def set_rate_factor(environment: Any, factor: float) -> None:
    """Let all runs publish at their own rate times the factor. Does nothing if that is so already."""
    session = session_of(environment)
    if factor == session.rate_factor:
        return
    session.rate_factor = factor
    for run in session.runs.values():
        run.publisher.set_rate_factor(factor)
    if isinstance(environment.runner, MasterRunner):
        for worker in environment.runner.clients.all:
            environment.runner.send_message(RATE, {"factor": factor}, client_id=worker.id)

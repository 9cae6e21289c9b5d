"""Live reports of workers to their master, sent within Locust's own reports."""

from __future__ import annotations

from typing import Any

from locust.runners import MasterRunner, WorkerRunner

from wsproof.locust.live_load import from_text, to_text
from wsproof.locust.session import session_of

KEY = "wsproof"
"""The entry in a worker's report."""


def connect_processes(environment: Any) -> None:
    """Register the listeners of Locust's reports."""
    if isinstance(environment.runner, WorkerRunner):
        environment.events.report_to_master.add_listener(lambda client_id, data: add_live(environment, data))
    elif isinstance(environment.runner, MasterRunner):
        environment.events.worker_report.add_listener(lambda client_id, data: take_live(environment, client_id, data))


def add_live(environment: Any, data: dict[str, Any]) -> None:
    """Add what this worker's runs have measured since its last report."""
    runs = session_of(environment).runs.values()
    data[KEY] = to_text([(run.workload.name, run.live.take_new(), run.live.findings()) for run in runs])


def take_live(environment: Any, client_id: str, data: dict[str, Any]) -> None:
    """Take a worker's report."""
    if KEY in data:
        for workload, seconds, findings in from_text(data[KEY]):
            session_of(environment).live.take(client_id, workload, seconds, findings)

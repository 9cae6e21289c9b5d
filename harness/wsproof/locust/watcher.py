"""Watches a running test, not in a worker: reports violations when they happen, and samples the servers."""

from __future__ import annotations

from time import monotonic_ns
from typing import Any

import gevent
from locust.runners import MasterRunner

from wsproof.load.meter import ServerMeter
from wsproof.locust.session import LoadSession, session_of
from wsproof.locust.violations import report_live
from wsproof.locust.workers import note_lost_workers
from wsproof.model.measurement import ServerUsage
from wsproof.model.nanoseconds import NS

STEP_SECONDS = 0.1


class Watcher:
    """A greenlet that samples and reports ten times a second, until `stop`."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self._meters = {url: ServerMeter(pid) for url, pid in session_of(environment).pids.items()}
        self._next_ns = 0
        self.greenlet = gevent.spawn(self._run)

    def usage(self, url: str) -> ServerUsage | None:
        """The usage of the server at the URL since the test began; None if its process is not visible."""
        meter = self._meters.get(url)
        return None if meter is None else meter.usage()

    @property
    def usages(self) -> list[ServerUsage]:
        """The usage of each visible server."""
        return [meter.usage() for meter in self._meters.values()]

    def stop(self) -> None:
        """Stop the greenlet, and collect the live figures once more."""
        self.greenlet.kill()
        self._look()

    def _run(self) -> None:
        while True:
            session = session_of(self._environment)
            for url, meter in self._meters.items():
                lines = sum(len(run.members.lines) for run in session.runs.values() if run.endpoint_url == url)
                meter.sample(lines, sparing=True)
            if isinstance(self._environment.runner, MasterRunner):
                note_lost_workers(self._environment)
            if monotonic_ns() >= self._next_ns:
                self._next_ns = monotonic_ns() + NS
                self._look()
            gevent.sleep(STEP_SECONDS)

    def _look(self) -> None:
        session = session_of(self._environment)
        if not isinstance(self._environment.runner, MasterRunner):
            collect(session)
        for workload in session.live.workloads:
            report_live(self._environment, workload, session.live.findings(workload))


def collect(session: LoadSession) -> None:
    """Take the live figures of this process's runs since the last call."""
    for run in session.runs.values():
        session.live.take("", run.workload.name, run.live.take_new(), run.live.findings())

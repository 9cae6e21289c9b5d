"""Runs one plan against one server."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from wsproof.load.progress import Watcher
from wsproof.load.setup import LoadTarget, engines_for
from wsproof.load.worker.closed_loop import kind_of_own_receipt
from wsproof.model.measurement import Measurement
from wsproof.model.plan import Plan
from wsproof.net.endpoint import Endpoint
from wsproof.target.server import RunningServer
from wsproof.workloads import Workload


def run_plan(
    plan: Plan,
    *,
    channels: str,
    settings: Mapping[str, str],
    endpoint: Endpoint,
    server: RunningServer | None = None,
    columns: Path | None = None,
    progress: Watcher | None = None,
) -> Measurement:
    """Follow `plan` against `endpoint` and return what happened and what it cost.

    The process tree of `server` is metered if it runs on this machine. A server that we did not start may have other
    clients. Their messages are ignored. The record is written into the directory `columns` during the run. By default
    it is not kept.

    Raises:
        UsageError: the plan cannot be followed here (its numbers, file descriptors, unknown channels).
        TargetError: nobody could connect.
        PartialRun: Ctrl-C, SIGTERM (a TerminatedRun raised in this thread) or the death of a worker. It holds what was
            recorded.
    """

    def fits(workload: Workload) -> None:
        if plan.in_flight is not None:
            kind_of_own_receipt(workload.contract)

    target = LoadTarget(channels, settings, endpoint, server)
    folders = [columns] if columns is not None else []
    with engines_for([plan], target, columns=folders, progress=progress, fits=fits) as engines:
        return engines.measure(engines.runs[0].follow_plan)[0]

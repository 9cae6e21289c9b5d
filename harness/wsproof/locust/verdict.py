"""The verdict at the end of a test: check each workload run's history against its contract, and report the findings.

With several Locust processes, each worker checks its own users. The master asks for their results before it stops the
workers, since Locust waits only half a second for their last reports.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gevent
from gevent.lock import BoundedSemaphore
from locust.runners import MasterRunner, WorkerRunner

from wsproof.deviations import KnownDeviations
from wsproof.load.judging import JudgedMeasurement
from wsproof.locust import member_ids
from wsproof.locust.mistakes import MISTAKES
from wsproof.locust.registry import forget_rooms, rooms_of
from wsproof.locust.workload_run import DRAIN_SECONDS, WorkloadRun
from wsproof.model.finding import UNDECIDED, Anomaly, Finding, Level, Verdict, verdict_of
from wsproof.model.load_summary import LoadSummary, WorkloadLoad
from wsproof.net.redact import known_hidden_everywhere

KNOWN = "WSPROOF_KNOWN_DEVIATIONS"
"""Variable with the server's known deviations, as JSON (`KnownDeviations`)."""
SUMMARY = "WSPROOF_LOAD_SUMMARY"
"""Variable with the path of the summary that a headless run writes for `wsproof load`."""
JUDGE, JUDGED = "wsproof-judge", "wsproof-judged"
"""The message of the master to its workers, and the reply."""
ANSWER_SECONDS = DRAIN_SECONDS + 20.0
"""Timeout in seconds for the workers' results: their drain, and 20 s for the checks."""

ONE_AT_A_TIME = BoundedSemaphore(1)
RESULTS: list[WorkloadResult] = []
ANSWERED: set[str] = set()


@dataclass(frozen=True)
class WorkloadResult:
    """The users of one workload: their figures, and the findings."""

    load: WorkloadLoad
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the result as a worker sends it to the master."""
        return {"load": self.load.to_json(), "findings": [finding.to_json() for finding in self.findings]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> WorkloadResult:
        """The inverse of `to_json`."""
        findings = tuple(Finding.from_json(finding) for finding in data["findings"])
        return cls(WorkloadLoad.from_json(data["load"]), findings)


class Violation(Exception):
    """The failure that Locust shows for a finding with the verdict invalid."""


class NothingProven(Exception):
    """The failure that Locust shows if a check is undecided, such as after a crash.

    The check `received` is such a failure only if a message was published.
    """


def known_deviations() -> KnownDeviations:
    """The server's known deviations, from `wsproof load` or from this process's own start of the target."""
    told = os.environ.get(KNOWN)
    return KnownDeviations.from_json(json.loads(told)) if told else KnownDeviations()


def begin(environment: Any) -> None:
    """Reset all state of the previous test."""
    forget_rooms(environment)
    member_ids.forget(environment)
    RESULTS.clear()
    ANSWERED.clear()
    MISTAKES.clear()


def connect_processes(environment: Any) -> None:
    """Register the messages between master and workers."""
    member_ids.connect_processes(environment)
    runner = environment.runner
    if isinstance(runner, WorkerRunner):
        runner.register_message(JUDGE, answer, concurrent=True)
        # Listeners run in reverse order of registration. So the results are sent before Locust reports the quit.
        environment.events.quitting.add_listener(judge)
    elif isinstance(runner, MasterRunner):
        runner.register_message(JUDGED, take_answer)


def judge(environment: Any, **_: Any) -> None:
    """Drain and check all runs before the users are stopped. A lock makes concurrent calls wait."""
    with ONE_AT_A_TIME:
        if isinstance(environment.runner, MasterRunner):
            ask_workers(environment)
        elif not isinstance(environment.runner, WorkerRunner):
            for result in judge_rooms(environment):
                tell(environment, result)
        elif rooms_of(environment):  # the master has not asked this worker, since Ctrl-C reached all processes
            send_results(environment)


def judge_rooms(environment: Any) -> list[WorkloadResult]:
    """Drain and check this process's workload runs, and return their results.

    A crash of wsproof becomes a result with an unknown verdict. A mistake in the channel file gives no results.
    """
    rooms = rooms_of(environment)
    results: list[WorkloadResult] = []
    if MISTAKES:
        forget_rooms(environment)
        return results
    for room in rooms:
        room.hush()
    for room in rooms:
        try:
            room.drain()
            results.append(describe(room, room.judge()))
        except Exception as fault:  # noqa: BLE001 - Locust would only log the crash, and a worker would even exit with 0
            told = f"wsproof crashed while it judged, so nothing is known: {type(fault).__name__}: {fault}"
            finding = Finding("judge", room.workload.name, Anomaly.UNKNOWN, Level.INFORMATIONAL, told)
            results.append(result_of(room, [finding]))
    forget_rooms(environment)
    return results


def describe(room: WorkloadRun, judged: JudgedMeasurement) -> WorkloadResult:
    """The result of one workload run, with metrics and trust warnings."""
    result = result_of(room, judged.findings)
    return replace(result, load=replace(result.load, metrics=judged.metrics, warnings=judged.warnings))


def result_of(room: WorkloadRun, findings: Sequence[Finding]) -> WorkloadResult:
    """The result of one workload run, without metrics and trust warnings."""
    load = WorkloadLoad(
        workload=room.workload.name,
        users=len(room.members),
        rate_hz=room.rate_hz if room.workload.publishes else None,
        published=len(room.recorder.publications.data["publisher"]),
        verdict=verdict_of(findings),
        stamps=room.stamps.clock,
    )
    return WorkloadResult(load, tuple(findings))


def tell(environment: Any, result: WorkloadResult) -> None:
    """Keep a result with its known deviations marked, and report its findings as Locust failures."""
    findings = known_deviations().mark(result.findings)
    RESULTS.append(WorkloadResult(replace(result.load, verdict=verdict_of(findings)), findings))
    for finding in findings:
        fault: Exception
        if finding.verdict() is Verdict.INVALID:
            fault = Violation(finding.explanation)
        elif finding.anomaly in UNDECIDED and (finding.check != "received" or result.load.published):
            fault = NothingProven(finding.explanation)
        else:
            continue
        environment.events.request.fire(
            request_type="WS",
            name=f"{result.load.workload}: {finding.check}",
            response_time=0,
            response_length=0,
            exception=fault,
            context={},
        )


# Several processes.


def ask_workers(environment: Any) -> None:
    """Ask all workers for their results, and wait for them. Runs in the master.

    A worker that does not reply within ANSWER_SECONDS, or ends before, gives an unknown result, which is a failure.
    """
    asked = {worker.id for worker in environment.runner.clients.all}
    for worker in asked:
        environment.runner.send_message(JUDGE, client_id=worker)
    with gevent.Timeout(ANSWER_SECONDS, False):
        while not asked - ANSWERED <= gone(environment, asked):
            gevent.sleep(0.05)
    for _ in asked - ANSWERED:
        told = "a Locust worker ended, or did not answer, before it had judged its users: of them nothing is known"
        finding = Finding("judge", "worker", Anomaly.UNKNOWN, Level.INFORMATIONAL, told)
        tell(environment, WorkloadResult(WorkloadLoad("worker"), (finding,)))


def gone(environment: Any, asked: set[str]) -> set[str]:
    """The workers that have ended, so that they cannot reply any more."""
    return asked - {worker.id for worker in environment.runner.clients.all}


def answer(environment: Any, msg: Any, **_: Any) -> None:
    """Check this worker's runs and send the results, when the master asks. Runs in a worker."""
    with ONE_AT_A_TIME:
        send_results(environment)


def send_results(environment: Any) -> None:
    """Send this worker's results to the master.

    They are sent as one JSON text, since Locust's message format takes no integers above 64 bits.
    """
    results = [result.to_json() for result in judge_rooms(environment)]
    environment.runner.send_message(JUDGED, {"results": json.dumps(results)})


def take_answer(environment: Any, msg: Any, **_: Any) -> None:
    """Take a worker's results, once per worker. Runs in the master."""
    if msg.node_id in ANSWERED:
        return
    ANSWERED.add(msg.node_id)
    for result in json.loads(msg.data["results"]):
        tell(environment, WorkloadResult.from_json(result))


# The summary.


def leave_summary(environment: Any, **_: Any) -> None:
    """Write the summary of a headless run for `wsproof load` and its page."""
    if isinstance(environment.runner, WorkerRunner):
        return
    if environment.runner is not None:
        environment.runner.stop()  # SIGTERM and Ctrl-C lead here first, so stop the test, which checks the runs
    where = os.environ.get(SUMMARY)
    if where is None:
        return
    total = environment.stats.total
    load = LoadSummary(tuple(result.load for result in RESULTS), total.num_requests, total.num_failures)
    summary = {
        **load.to_json(),
        "findings": [finding.to_json() for result in RESULTS for finding in result.findings],
        "mistake": MISTAKES[0] if MISTAKES else None,
    }
    summary = known_hidden_everywhere(summary)
    Path(where).write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")

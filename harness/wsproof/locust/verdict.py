"""The end of a test: hold each room's history against its contract, and tell it wherever people look.

With several Locust processes each worker judges its own users; its master asks for the results before it lets the
workers go, since it would wait for their last reports only half a second.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import gevent
from gevent.lock import BoundedSemaphore
from locust.runners import MasterRunner, WorkerRunner

from wsproof.deviations import KnownDeviations
from wsproof.locust import member_ids
from wsproof.locust.mistakes import MISTAKES
from wsproof.locust.registry import forget_rooms, rooms_of
from wsproof.locust.workload_run import DRAIN_SECONDS, WorkloadRun
from wsproof.model.finding import UNDECIDED, Anomaly, Finding, Level, Verdict, verdict_of
from wsproof.net.redact import known_hidden_everywhere
from wsproof.stats.trust import judged_summaries

KNOWN = "WSPROOF_KNOWN_DEVIATIONS"
"""What is known of the server, as JSON (`KnownDeviations`)."""
SUMMARY = "WSPROOF_LOAD_SUMMARY"
"""Where a headless run leaves its summary for `wsproof load`."""
JUDGE, JUDGED = "wsproof-judge", "wsproof-judged"
"""What a master says to its workers, and their answer."""
ANSWER_SECONDS = DRAIN_SECONDS + 20.0

ONE_AT_A_TIME = BoundedSemaphore(1)
RESULTS: list[dict[str, Any]] = []
ANSWERED: set[str] = set()


class Violation(Exception):
    """The failure that Locust shows: a promise of the channel was broken."""


class NothingProven(Exception):
    """The failure that Locust shows where a check crashed, or nothing came though something was sent."""


def known_deviations() -> KnownDeviations:
    """What is known of the server: told by `wsproof load`, or found out when this process started the target."""
    told = os.environ.get(KNOWN)
    return KnownDeviations.from_json(json.loads(told)) if told else KnownDeviations()


def begin(environment: Any) -> None:
    """A new test: new rooms, no results."""
    forget_rooms(environment)
    member_ids.forget(environment)
    RESULTS.clear()
    ANSWERED.clear()
    MISTAKES.clear()


def connect_processes(environment: Any) -> None:
    """Teach master and workers to ask and to answer."""
    member_ids.connect_processes(environment)
    runner = environment.runner
    if isinstance(runner, WorkerRunner):
        runner.register_message(JUDGE, answer, concurrent=True)
        # Added after Locust's own, and these run in reverse: the results go before the worker says that it quits.
        environment.events.quitting.add_listener(judge)
    elif isinstance(runner, MasterRunner):
        runner.register_message(JUDGED, take_answer)


def judge(environment: Any, **_: Any) -> None:
    """Before the users are stopped: wait for what is under way, then judge. One at a time."""
    with ONE_AT_A_TIME:
        if isinstance(environment.runner, MasterRunner):
            ask_workers(environment)
        elif not isinstance(environment.runner, WorkerRunner):
            for result in judge_rooms(environment):
                tell(environment, result)
        elif rooms_of(environment):  # nobody asked this worker: Ctrl-C came to all processes
            send_results(environment)


def judge_rooms(environment: Any) -> list[dict[str, Any]]:
    """The results of this process's rooms. A crash of ours is a result, too: nothing is known then."""
    rooms = rooms_of(environment)
    results: list[dict[str, Any]] = []
    if MISTAKES:
        forget_rooms(environment)
        return results
    for room in rooms:
        room.hush()
    for room in rooms:
        try:
            room.drain()
            results.append(describe(room, room.judge()))
        except Exception as fault:  # noqa: BLE001 - Locust would log it, and a worker's would even exit 0
            told = f"wsproof crashed while it judged, so nothing is known: {type(fault).__name__}: {fault}"
            finding = Finding("judge", room.workload.name, Anomaly.UNKNOWN, Level.INFORMATIONAL, told)
            results.append(result_of(room, [finding]))
    forget_rooms(environment)
    return results


def describe(room: WorkloadRun, findings: list[Finding]) -> dict[str, Any]:
    """One room in the summary, with its figures."""
    metrics, warnings = judged_summaries(room.measurement())
    return {
        **result_of(room, findings),
        "metrics": {name: summary.to_json() for name, summary in metrics.items()},
        "warnings": [caution.to_json() for caution in warnings],
    }


def result_of(room: WorkloadRun, findings: list[Finding]) -> dict[str, Any]:
    """One room in the summary."""
    return {
        "workload": room.workload.name,
        "users": len(room.members),
        "rate_hz": room.rate_hz if room.workload.publishes else None,
        "published": len(room.recorder.publications.data["publisher"]),
        "verdict": verdict_of(findings).value,
        "metrics": {},
        "findings": [finding.to_json() for finding in findings],
        "warnings": [],
    }


def tell(environment: Any, result: dict[str, Any]) -> None:
    """Keep a result, known deviations marked, and show what is wrong as Locust shows failures."""
    findings = known_deviations().mark(map(Finding.from_json, result["findings"]))
    told = {"verdict": verdict_of(findings).value, "findings": [finding.to_json() for finding in findings]}
    result = {**result, **told}
    RESULTS.append(result)
    for finding in findings:
        fault: Exception
        if finding.verdict() is Verdict.INVALID:
            fault = Violation(finding.explanation)
        elif finding.anomaly in UNDECIDED and (finding.check != "received" or result["published"]):
            fault = NothingProven(finding.explanation)
        else:
            continue
        environment.events.request.fire(
            request_type="WS",
            name=f"{result['workload']}: {finding.check}",
            response_time=0,
            response_length=0,
            exception=fault,
            context={},
        )


# Several processes.


def ask_workers(environment: Any) -> None:
    """The master: have all workers judge, and wait for their answers. One that does not answer is a failure."""
    asked = {worker.id for worker in environment.runner.clients.all}
    for worker in asked:
        environment.runner.send_message(JUDGE, client_id=worker)
    with gevent.Timeout(ANSWER_SECONDS, False):
        while not asked - ANSWERED <= gone(environment, asked):
            gevent.sleep(0.05)
    for _ in asked - ANSWERED:
        told = "a Locust worker ended, or did not answer, before it had judged its users: of them nothing is known"
        finding = Finding("judge", "worker", Anomaly.UNKNOWN, Level.INFORMATIONAL, told)
        nothing: dict[str, Any] = {"users": 0, "rate_hz": None, "published": 0, "metrics": {}, "warnings": []}
        findings = [finding.to_json()]
        tell(environment, {"workload": "worker", "verdict": Verdict.UNKNOWN.value, "findings": findings, **nothing})


def gone(environment: Any, asked: set[str]) -> set[str]:
    """Workers that will not answer any more."""
    return asked - {worker.id for worker in environment.runner.clients.all}


def answer(environment: Any, msg: Any, **_: Any) -> None:
    """A worker: judge, and send the results."""
    with ONE_AT_A_TIME:
        send_results(environment)


def send_results(environment: Any) -> None:
    """A worker: what its rooms came to. As one text: the processes' own format takes no integers above 64 bits."""
    environment.runner.send_message(JUDGED, {"results": json.dumps(judge_rooms(environment))})


def take_answer(environment: Any, msg: Any, **_: Any) -> None:
    """The master: a worker's results."""
    if msg.node_id in ANSWERED:
        return
    ANSWERED.add(msg.node_id)
    for result in json.loads(msg.data["results"]):
        tell(environment, result)


# What is left behind.


def leave_summary(environment: Any, **_: Any) -> None:
    """What a headless run came to, for `wsproof load` and its page."""
    if isinstance(environment.runner, WorkerRunner):
        return
    if environment.runner is not None:
        environment.runner.stop()  # SIGTERM and Ctrl-C come here first: judge what there is
    where = os.environ.get(SUMMARY)
    if where is None:
        return
    total = environment.stats.total
    verdicts = [Verdict(result["verdict"]) for result in RESULTS]
    summary = {
        "verdict": (Verdict.worst(verdicts) if verdicts else Verdict.UNKNOWN).value,
        "rooms": RESULTS,
        "requests": total.num_requests,
        "failures": total.num_failures,
        "findings": [finding for result in RESULTS for finding in result["findings"]],
        "mistake": MISTAKES[0] if MISTAKES else None,
    }
    summary = known_hidden_everywhere(summary)
    Path(where).write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")

"""The check of all workload runs when a test stops: findings become Locust failures.

With several processes, the master asks each worker for its results, and reports those of all.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import gevent
from locust.runners import MasterRunner, WorkerRunner

from wsproof.locust.lost_workers import alive_workers, look_for_lost_workers
from wsproof.locust.options import options_of
from wsproof.locust.record import keep_record
from wsproof.locust.result import WorkloadResult, describe, result_of
from wsproof.locust.session import session_of
from wsproof.locust.stats import log_failures
from wsproof.locust.violations import marked, tell_final
from wsproof.locust.workload_run import DRAIN_SECONDS
from wsproof.model.finding import UNDECIDED, Anomaly, Finding, Level, Verdict, verdict_of
from wsproof.model.load_summary import WorkloadLoad
from wsproof.stats.objective import applies_to, parse_objective

JUDGE, JUDGED = "wsproof-judge", "wsproof-judged"
"""The message of the master to its workers, and the reply."""
ANSWER_SECONDS = DRAIN_SECONDS + 20.0
"""Timeout in seconds for the workers' results: their drain, and 20 s for the checks."""

MISSING_SECONDS = 10.0
"""Seconds to wait for workers that Locust calls missing: they may only have been silent for three seconds."""


class NothingProven(Exception):
    """The failure that Locust shows if a check is undecided, such as after a crash.

    The check `received` is such a failure only if a message was published.
    """


def connect_processes(environment: Any) -> None:
    """Register the messages between master and workers."""
    runner = environment.runner
    if isinstance(runner, WorkerRunner):
        runner.register_message(JUDGE, answer, concurrent=True)
        # Listeners run in reverse order of registration. So the results are sent before Locust reports the quit.
        environment.events.quitting.add_listener(collect_results)
    elif isinstance(runner, MasterRunner):
        runner.register_message(JUDGED, take_answer)


def collect_results(environment: Any, **_: Any) -> None:
    """Drain and check all runs before the users are stopped. A lock makes concurrent calls wait."""
    session = session_of(environment)
    with session.judging:
        if isinstance(environment.runner, WorkerRunner):
            if session.runs:  # the master has not asked this worker, since Ctrl-C reached all processes
                send_results(environment)
            return
        if isinstance(environment.runner, MasterRunner):
            ask_workers(environment)
        else:
            for result in judge_runs(environment):
                tell(environment, result)
        note_undecided(environment)
        if session.watcher is not None:
            session.watcher.stop()
        keep_record(environment)


def note_undecided(environment: Any) -> None:
    """Record the objectives that apply to no workload as undecided."""
    session = session_of(environment)
    decided = {one.objective.text for one in session.objectives}
    left = [one for one in map(parse_objective, options_of(environment, None).slo) if one.text not in decided]
    if left and session.results:
        last = session.results[-1]
        session.results[-1] = replace(last, objectives=(*last.objectives, *(one.evaluate({}) for one in left)))


def judge_runs(environment: Any) -> list[WorkloadResult]:
    """Drain and check this process's workload runs, and return their results.

    A crash of wsproof becomes a result with an unknown verdict. A mistake in the channel file gives no results.
    """
    session = session_of(environment)
    runs = list(session.runs.values())
    if len(runs) == 1 and session.watcher is not None:
        runs[0].server_usage = session.watcher.usage(runs[0].endpoint_url)
    results: list[WorkloadResult] = []
    if session.mistakes:
        session.forget_runs()
        return results
    for run in runs:
        run.hush()
    for run in runs:
        try:
            run.drain()
            results.append(describe(run, run.judged_measurement()))
        except Exception as fault:  # noqa: BLE001 - Locust would only log the crash, and a worker would even exit with 0
            told = f"wsproof crashed while it judged, so nothing is known: {type(fault).__name__}: {fault}"
            finding = Finding("no-verdict", run.workload.name, Anomaly.UNKNOWN, Level.INFORMATIONAL, told)
            results.append(result_of(run, [finding]))
    session.forget_runs()
    return results


def tell(environment: Any, result: WorkloadResult) -> None:
    """Keep a result with its known deviations marked, and report its findings as Locust failures."""
    session, given = session_of(environment), options_of(environment, None)
    findings = marked(environment, result.findings)
    load = replace(result.load, verdict=verdict_of(findings, strict=given.strict))
    objectives = [one for one in map(parse_objective, given.slo) if load.metrics and applies_to(one, load.metrics)]
    outcomes = tuple(one.evaluate(load.metrics, findings) for one in objectives)
    session.results.append(replace(result, load=load, findings=findings, objectives=outcomes))
    for finding in findings:
        if finding.verdict(strict=given.strict) is Verdict.INVALID:
            tell_final(environment, load.workload, finding)
        elif finding.anomaly in UNDECIDED and (finding.check != "received" or load.published):
            log_failures(environment, f"{load.workload}: {finding.check}", NothingProven(finding.explanation), 1)


# Several processes.


def ask_workers(environment: Any) -> None:
    """Ask all workers for their results, and wait for them. Runs in the master.

    A worker that does not reply within ANSWER_SECONDS, or ends before, gives an unknown result, which is a failure.
    """
    session = session_of(environment)
    look_for_lost_workers(environment)
    answered, asked = session.answered, set(session.workers)
    for worker in asked & {one.id for one in environment.runner.clients.all}:
        environment.runner.send_message(JUDGE, client_id=worker)
    with gevent.Timeout(ANSWER_SECONDS, False):
        while alive_workers(environment.runner) & (asked - answered):
            gevent.sleep(0.05)
        with gevent.Timeout(MISSING_SECONDS, False):  # on a busy machine a worker may only be late
            while asked - answered:
                gevent.sleep(0.05)
    for _ in asked - answered:
        told = "a Locust worker ended, or did not answer, before it had judged its users: of them nothing is known"
        finding = Finding("no-verdict", "worker", Anomaly.UNKNOWN, Level.INFORMATIONAL, told)
        tell(environment, WorkloadResult(WorkloadLoad("worker"), (finding,)))


def answer(environment: Any, msg: Any, **_: Any) -> None:
    """Check this worker's runs and send the results, when the master asks. Runs in a worker."""
    with session_of(environment).judging:
        send_results(environment)


def send_results(environment: Any) -> None:
    """Send this worker's results to the master.

    They are sent as one JSON text, since Locust's message format takes no integers above 64 bits.
    """
    results = [result.to_json() for result in judge_runs(environment)]
    environment.runner.send_message(JUDGED, {"results": json.dumps(results)})


def take_answer(environment: Any, msg: Any, **_: Any) -> None:
    """Take a worker's results, once per worker. Runs in the master."""
    answered = session_of(environment).answered
    if msg.node_id in answered:
        return
    answered.add(msg.node_id)
    for result in json.loads(msg.data["results"]):
        tell(environment, WorkloadResult.from_json(result))

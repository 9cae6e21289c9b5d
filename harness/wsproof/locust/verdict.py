"""The check of all workload runs when a test stops: findings become Locust failures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from locust.runners import MasterRunner, WorkerRunner

from wsproof.locust import joint_verdict
from wsproof.locust.options import options_of
from wsproof.locust.record import keep_record
from wsproof.locust.result import WorkloadResult, crashed, describe, verdict_of_users
from wsproof.locust.session import session_of
from wsproof.locust.stats import log_failures
from wsproof.locust.violations import marked, report_final
from wsproof.model.finding import UNDECIDED, Verdict
from wsproof.stats.objective import applies_to, parse_objective


class NothingProven(Exception):
    """The failure that Locust shows if a check is undecided, such as after a crash.

    The check `received` is such a failure only if a message was published.
    """


def connect_processes(environment: Any) -> None:
    """Register what master and workers do for a common verdict."""
    joint_verdict.connect_processes(environment)
    if isinstance(environment.runner, WorkerRunner):
        # Listeners run in reverse order of registration. So the results are sent before Locust reports the quit.
        environment.events.quitting.add_listener(collect_results)


def collect_results(environment: Any, **_: Any) -> None:
    """Drain and check all runs before the users are stopped. A lock makes concurrent calls wait."""
    session = session_of(environment)
    if isinstance(environment.runner, WorkerRunner):
        joint_verdict.await_release(environment)
        return
    with session.judging:
        is_master = isinstance(environment.runner, MasterRunner)
        results = joint_verdict.results_of_workers(environment) if is_master else judge_runs(environment)
        for result in results:
            add_result(environment, result)
        note_undecided(environment)
        if session.watcher is not None:
            session.watcher.stop()
        keep_record(environment)


def note_undecided(environment: Any) -> None:
    """Record the objectives that apply to no workload as undecided."""
    session = session_of(environment)
    decided = {result.objective.text for result in session.objectives}
    undecided = [
        result for result in map(parse_objective, options_of(environment, None).slo) if result.text not in decided
    ]
    if undecided and session.results:
        last = session.results[-1]
        session.results[-1] = replace(
            last, objectives=(*last.objectives, *(result.evaluate({}) for result in undecided))
        )


def judge_runs(environment: Any) -> list[WorkloadResult]:
    """Drain and check the workload runs of the only process, and return their results.

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
        run.stop_publishing()
    for run in runs:
        try:
            run.drain()
            measured = run.measured()
            results.append(describe(measured, measured.judged_measurement(environment.runner.target_user_count)))
        except Exception as fault:  # noqa: BLE001 - Locust would only log the crash, and a worker would even exit with 0
            results.append(crashed(run.workload.name, len(run.members), fault))
    session.forget_runs()
    return results


def add_result(environment: Any, result: WorkloadResult) -> None:
    """Keep a result with its known deviations marked, and report its findings as Locust failures."""
    session, options = session_of(environment), options_of(environment, None)
    findings = marked(environment, result.findings)
    load = replace(result.load, verdict=verdict_of_users(findings, result.measurement, strict=options.strict))
    objectives = [
        objective
        for objective in map(parse_objective, options.slo)
        if load.metrics and applies_to(objective, load.metrics)
    ]
    outcomes = tuple(objective.evaluate(load.metrics, findings) for objective in objectives)
    session.results.append(replace(result, load=load, findings=findings, objectives=outcomes))
    for finding in findings:
        if finding.verdict(strict=options.strict) is Verdict.INVALID:
            report_final(environment, load.workload, finding)
        elif finding.anomaly in UNDECIDED and (finding.check != "received" or load.published):
            log_failures(environment, f"{load.workload}: {finding.check}", NothingProven(finding.explanation), 1)

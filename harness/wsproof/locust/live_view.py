"""The state of the running or latest test, as the page and the tab show it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wsproof.locust.options import options_of
from wsproof.locust.session import LoadSession, session_of
from wsproof.locust.violations import marked
from wsproof.locust.workers import lost_workers_sentence
from wsproof.report.live_view import LiveView, LiveWorkload
from wsproof.report.text.run import target_of_facts
from wsproof.stats.objective import applies_to, parse_objective

ACROSS_WORKERS = "Messages that are lost between users of two workers are told when the test stops."
"""The limit of the live checks: each worker knows what its own users have sent."""


def view_of(environment: Any) -> LiveView:
    """The view of the test. Once it has ended, its final findings and warnings replace the live ones."""
    session, options = session_of(environment), options_of(environment, None)
    watcher, runner = session.watcher, environment.runner
    described = list(session.described.values())
    has_ended = bool(session.results)
    judged = [result.load.workload for result in session.results]
    names = tuple(dict.fromkeys([*session.live.workloads, *judged]))
    return LiveView(
        state=str(runner.state) if runner is not None else "",
        target=target_of_facts(described[0]) if described else "",
        began_s=session.live.began_s,
        workloads=tuple(_final(environment, name) if has_ended else _running(environment, name) for name in names),
        servers=tuple(watcher.usages) if watcher is not None else (),
        notes=(
            *session.mistakes,
            *([lost_workers_sentence(len(session.gone))] if session.gone else ()),
        ),
        remarks=(
            *_recoveries(session),
            *([ACROSS_WORKERS] if len(session.workers) > 1 and not has_ended else ()),
        ),
        has_ended=has_ended,
        has_record=session.record is not None,
        is_strict=options.strict,
    )


def _recoveries(session: LoadSession) -> Iterator[str]:
    """How users came back, once the test has ended."""
    for result in session.results:
        if result.load.recovery is not None:
            yield f"{result.load.workload}: {result.load.recovery.sentence()}."


def _running(environment: Any, name: str) -> LiveWorkload:
    live = session_of(environment).live
    findings, total = marked(environment, live.findings(name)), live.whole(name)
    metrics = total.summaries()
    objectives = [parse_objective(text) for text in options_of(environment, None).slo]
    outcomes = tuple(
        objective.evaluate(metrics, findings).outcome() for objective in objectives if applies_to(objective, metrics)
    )
    return LiveWorkload(name, live.seconds(name), total, findings, outcomes)


def _final(environment: Any, name: str) -> LiveWorkload:
    session = session_of(environment)
    results = [result for result in session.results if result.load.workload == name]
    return LiveWorkload(
        name,
        session.live.seconds(name),
        session.live.whole(name),
        tuple(finding for result in results for finding in result.findings),
        tuple(outcome.outcome() for result in results for outcome in result.objectives),
        tuple(warning for result in results for warning in result.load.warnings),
    )

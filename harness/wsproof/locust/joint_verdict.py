"""The verdict on users in several processes: the master gets the histories of its workers, and checks them as one.

So a message from a user of one worker to a user of another is checked like every other. Workers on other machines have
other clocks, and the users of each machine are checked by themselves.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gevent
from locust.runners import MasterRunner, WorkerRunner

from wsproof.locust.drain import DRAIN_SECONDS, is_waiting_across
from wsproof.locust.generator_fault import LoopTimeout
from wsproof.locust.measured_run import MeasuredRun, join_runs
from wsproof.locust.registry import room_classes, url_of, workload_of
from wsproof.locust.result import WorkloadResult, crashed, describe
from wsproof.locust.session import LoadSession, session_of
from wsproof.locust.workers import alive_workers, fail_for_lost_worker, note_lost_workers
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.load_summary import WorkloadLoad
from wsproof.model.nanoseconds import NS

ASK, ANSWER, RELEASE = "wsproof-judge", "wsproof-judged", "wsproof-release"
"""The messages: the master asks, a worker answers, and at the end the master releases its workers."""
FURTHER_WAITS = (0.5, 1.0, 2.0, 3.0, 4.0)
"""Seconds of further waits, as long as a message between two processes may still arrive.

Together they are about as long as the drain of one process (DRAIN_SECONDS). The first is short, because the missing
messages are usually on their way.
"""
ANSWER_SECONDS = DRAIN_SECONDS + 20.0
"""Timeout in seconds for the answers of all workers: their drain, and 20 s to send what they measured."""
MISSING_SECONDS = 10.0
"""Seconds to wait for workers that Locust calls missing: three seconds of silence suffice for that."""
ASK_SECONDS = 5.0
"""Seconds for which a worker that ends waits for its master to ask. Ctrl-C reaches all processes, in any order."""
UNASKED = -1
"""The round of an answer that a worker sends because its master has not asked."""


@dataclass(frozen=True)
class WorkerAnswer:
    """The measured runs of one worker, as of a round of questions. `crashed`: the workloads whose runs it could not
    measure.
    """

    round: int
    runs: tuple[MeasuredRun, ...]
    crashed: tuple[WorkloadResult, ...] = ()


def connect_processes(environment: Any) -> None:
    """Register the messages between master and workers."""
    runner = environment.runner
    if isinstance(runner, WorkerRunner):
        runner.register_message(ASK, answer, concurrent=True)
        runner.register_message(RELEASE, release)
    elif isinstance(runner, MasterRunner):
        runner.register_message(ANSWER, take_answer, concurrent=True)


# The master.


def results_of_workers(environment: Any) -> list[WorkloadResult]:
    """Ask all workers for their measured runs, and check these together.

    A worker that does not answer within ANSWER_SECONDS, or ends before, gives an unknown result, which is a failure.
    """
    session = session_of(environment)
    note_lost_workers(environment)
    asked = set(session.workers)
    for number, seconds in enumerate((0.0, *FURTHER_WAITS)):
        _ask(environment, asked, number, seconds)
        if not any(is_waiting_across(runs) for runs in _groups(session)):
            break
    for worker in _reachable(environment, asked):
        environment.runner.send_message(RELEASE, client_id=worker)
    groups = _groups(session)
    crashes = [crash for answer_of_worker in session.answers.values() for crash in answer_of_worker.crashed]
    unknown = [_unknown_worker(environment) for _ in asked - set(session.answers)]
    return [*(_judged(environment, runs, is_only=len(groups) == 1) for runs in groups), *crashes, *unknown]


def _ask(environment: Any, workers: Collection[str], number: int, seconds: float) -> None:
    """Ask the workers to wait and then to answer, and wait for the answers."""
    session = session_of(environment)
    for worker in _reachable(environment, workers):
        environment.runner.send_message(ASK, {"round": number, "seconds": seconds}, client_id=worker)

    def missing() -> set[str]:
        done = {
            worker
            for worker, answer_of_worker in session.answers.items()
            if answer_of_worker.round in (number, UNASKED)
        }
        return set(workers) - done

    with gevent.Timeout(ANSWER_SECONDS, False):
        _wait_while(lambda: bool(alive_workers(environment.runner) & missing()))
        with gevent.Timeout(MISSING_SECONDS, False):  # on a busy machine a worker may only be late
            _wait_while(lambda: bool(missing()))


def _wait_while(condition: Callable[[], bool]) -> None:
    while condition():
        gevent.sleep(0.05)


def _reachable(environment: Any, workers: Collection[str]) -> list[str]:
    return [worker.id for worker in environment.runner.clients.all if worker.id in workers]


def take_answer(environment: Any, msg: Any, **_: Any) -> None:
    """Take a worker's answer. An answer without a question is its last. Runs in the master."""
    session, classes = session_of(environment), {data.__name__: data for data in room_classes(environment)}
    if msg.node_id in session.answers and session.answers[msg.node_id].round == UNASKED:
        return
    runs: list[MeasuredRun] = []
    for data in msg.data["runs"]:
        contract = workload_of(environment, classes[data["user_class"]]).contract
        # In a thread of its own, so that the other greenlets run while a large message is unpacked.
        runs.append(gevent.get_hub().threadpool.apply(MeasuredRun.from_message, (data, contract)))
    crashes = tuple(WorkloadResult.from_json(data) for data in json.loads(msg.data["crashed"]))
    session.answers[msg.node_id] = WorkerAnswer(msg.data["round"], tuple(runs), crashes)


def _groups(session: LoadSession) -> list[list[MeasuredRun]]:
    """The runs that are checked together: those of one user class whose clocks are the same."""
    groups: dict[tuple[str, str], list[MeasuredRun]] = defaultdict(list)
    for _, answer_of_worker in sorted(session.answers.items()):
        for run in answer_of_worker.runs:
            groups[run.user_class, run.clock].append(run)
    return list(groups.values())


def _judged(environment: Any, runs: Sequence[MeasuredRun], *, is_only: bool) -> WorkloadResult:
    session, first = session_of(environment), runs[0]
    try:
        joined = join_runs(runs)
        if is_only and session.watcher is not None:
            user_class = next(
                candidate for candidate in room_classes(environment) if candidate.__name__ == first.user_class
            )
            usage = session.watcher.usage(url_of(environment, user_class) or "")
            joined = replace(joined, measurement=replace(joined.measurement, server=usage))
        return describe(joined, joined.judged_measurement(environment.runner.target_user_count))
    except Exception as fault:  # noqa: BLE001 - a crash of ours must not look like a test without a finding
        users = sum(len(run.measurement.history.members) for run in runs)
        return crashed(first.measurement.plan.workload, users, fault)


def _unknown_worker(environment: Any) -> WorkloadResult:
    fail_for_lost_worker(environment)
    explanation = "a Locust worker ended or did not answer before its users were judged: nothing is known about them"
    finding = Finding("no-verdict", "worker", Anomaly.UNKNOWN, Level.INFORMATIONAL, explanation)
    return WorkloadResult(WorkloadLoad("worker"), (finding,))


# A worker.


def answer(environment: Any, msg: Any, **_: Any) -> None:
    """Drain, and send the measured runs of this worker. Runs in a worker, when the master asks."""
    session = session_of(environment)
    session.is_asked.set()
    with session.judging:
        send_answer(environment, msg.data["round"], msg.data["seconds"])


def send_answer(environment: Any, number: int, seconds: float) -> None:
    """Wait until nothing more is expected, or for `seconds` in a further round, and send the measured runs."""
    session = session_of(environment)
    runs = [] if session.mistakes else list(session.runs.values())
    messages: list[dict[str, Any]] = []
    crashes: list[WorkloadResult] = []
    for run in runs:
        run.stop_publishing()
    if seconds:
        _listen(seconds)
    for run in runs:
        try:
            if seconds:
                run.end_drain()
            else:
                run.drain()
            measured = run.measured()
            if number == UNASKED:  # messages of other processes may still be on their way
                measured = replace(measured, complete_until_ns=run.recorder.drained_ns - int(DRAIN_SECONDS * NS))
            messages.append(gevent.get_hub().threadpool.apply(measured.to_message))
        except Exception as fault:  # noqa: BLE001 - Locust would end the worker with exit code 0
            crashes.append(crashed(run.workload.name, len(run.members), fault))
    crash_text = json.dumps([crash.to_json() for crash in crashes])
    environment.runner.send_message(ANSWER, {"round": number, "runs": messages, "crashed": crash_text})


def _listen(seconds: float) -> None:
    timeout = LoopTimeout(seconds)
    gevent.sleep(timeout.step_s)
    while timeout.spend():
        gevent.sleep(timeout.step_s)


def release(environment: Any, msg: Any, **_: Any) -> None:
    """Let this worker end, because its master has all its runs. Runs in a worker."""
    session_of(environment).is_released.set()


def await_release(environment: Any) -> None:
    """Wait until the master has the measured runs of this worker, before its users are stopped. Runs in a worker."""
    session = session_of(environment)
    if not session.runs:
        return
    for run in session.runs.values():
        run.stop_publishing()
    if session.is_asked.wait(ASK_SECONDS):
        session.is_released.wait(ANSWER_SECONDS + sum(FURTHER_WAITS))
    else:
        with session.judging:
            send_answer(environment, UNASKED, 0.0)
    session.forget_runs()

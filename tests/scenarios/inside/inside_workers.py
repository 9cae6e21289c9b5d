"""Tests of a master and its workers, as each of them sees the others. No processes, no sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from gevent import GreenletExit
from locust import runners
from locust.runners import STATE_MISSING, STATE_RUNNING

from tests.scenarios.inside.inside_live import environment
from tests.scenarios.inside.inside_workload_run import enter, hear, say
from wsproof import Finding
from wsproof.locust import joint_verdict, verdict
from wsproof.locust.drain import is_waiting_across
from wsproof.locust.live_view import ACROSS_WORKERS, view_of
from wsproof.locust.member_ids import PER_WORKER, reply_with_share, take
from wsproof.locust.registry import make_run
from wsproof.locust.session import session_of
from wsproof.locust.users import ChannelUser
from wsproof.locust.workers import note_lost_workers
from wsproof.locust.workload_run import WorkloadRun
from wsproof.model.history import Departure
from wsproof.model.member_ids import MemberIds
from wsproof.net.endpoint import parse_url
from wsproof.workloads.chat import Chat


class ChatUser(ChannelUser):
    channel = Chat


class Worker:
    """A worker with two members in a chat. `id_of_first` is the id of the first of them."""

    def __init__(self, id_of_first: int) -> None:
        self.environment = environment()
        self.environment.runner = self
        self.target_user_count = 2
        session_of(self.environment).begin_test()
        self.run = WorkloadRun(
            self.environment,
            Chat(base=1 + id_of_first),
            parse_url("ws://127.0.0.1:1"),
            rate_hz=0.001,
            payload_bytes=60,
            first_publisher=id_of_first,
            alone=False,
            shared=True,
            of_this_test=range(-id_of_first, 2 * PER_WORKER - id_of_first),
            user_class="ChatUser",
        )
        assert self.run.publisher.pacer is not None
        self.run.publisher.pacer.stop()  # the tests speak themselves
        self.run.pulse.stop()
        self.run._drain.is_waiting = lambda: False  # type: ignore[method-assign]
        session_of(self.environment).runs[ChatUser] = self.run
        self.lines = [enter(self.run), enter(self.run)]
        self.run.ramp.all_spawned(2)
        self.send_to_master: Callable[[dict[str, Any]], None] = lambda data: None

    def hear(self, text: str, *members: int) -> None:
        hear(self.run, text, *members)

    def speak(self, member: int = 0) -> str:
        return say(self.run, self.lines[member])

    def send_message(self, name: str, data: Any) -> None:
        assert name == joint_verdict.ANSWER
        self.send_to_master(data)


class Master:
    """A master's runner with two workers, which answer at once when they are asked, unless they are lost."""

    target_user_count = 4

    def __init__(self, made: Any, *workers: Worker) -> None:
        self.workers = {name: SimpleNamespace(id=name, state=STATE_RUNNING, heartbeat=3) for name in ("one", "other")}
        self.sent: list[tuple[str, Any, str | None]] = []
        self.before_answer: Callable[[int], None] = lambda number: None
        """Called with the number of the question before the workers answer it."""
        self._made = made
        self._real = dict(zip(self.workers, workers, strict=False))
        for name, worker in self._real.items():
            worker.send_to_master = lambda data, name=name: self._take(name, data)  # type: ignore[misc]

    @property
    def clients(self) -> Any:
        return SimpleNamespace(all=list(self.workers.values()))

    def send_message(self, name: str, data: Any = None, client_id: str | None = None) -> None:
        self.sent.append((name, data, client_id))
        worker = self.workers[str(client_id)]
        if name != joint_verdict.ASK or worker.state == STATE_MISSING:
            return
        self.before_answer(data["round"])
        real = self._real.get(worker.id)
        if real is None:
            self._take(worker.id, {"round": data["round"], "runs": [], "crashed": "[]"})
        else:
            joint_verdict.answer(real.environment, SimpleNamespace(data=data))

    def _take(self, name: str, data: dict[str, Any]) -> None:
        joint_verdict.take_answer(self._made, SimpleNamespace(node_id=name, data=data))

    def questions(self) -> int:
        """The number of times that each worker was asked."""
        return sum(name == joint_verdict.ASK for name, _, _ in self.sent) // len(self.workers)


@pytest.fixture
def workers() -> Iterator[tuple[Worker, Worker]]:
    both = Worker(0), Worker(PER_WORKER)
    yield both
    for worker in both:
        worker.run.close()


@pytest.fixture
def master() -> Any:
    return master_of()


def master_of(*workers: Worker) -> Any:
    made = environment()
    made.user_classes = [ChatUser]
    made.parsed_options = SimpleNamespace(ws_channels="tutorial")
    made.runner = Master(made, *workers)
    session_of(made).begin_test()
    return made


def all_hear(workers: tuple[Worker, Worker], text: str) -> None:
    for worker in workers:
        worker.hear(text, 0, 1)


def speak_to_own(worker: Worker) -> str:
    """Let a worker's first member speak. Only this worker's members receive it, and the speaker its reply."""
    said = worker.speak()
    worker.hear(said, 0, 1)
    worker.hear(f"You: {said.partition(' says: ')[2]}", 0)
    return said


def all_speak(workers: tuple[Worker, Worker]) -> None:
    """Each member receives a message of each worker, and each speaker the reply to its own."""
    for worker in workers:
        said = worker.speak()
        all_hear(workers, said)
        worker.hear(f"You: {said.partition(' says: ')[2]}", 0)


def findings(master: Any) -> list[Finding]:
    """The findings of the master at the end of the test."""
    for result in joint_verdict.results_of_workers(master):
        verdict.add_result(master, result)
    return [finding for result in session_of(master).results for finding in result.findings]


def test_users_of_two_workers_are_one_room(workers: tuple[Worker, Worker]) -> None:
    master = master_of(*workers)
    for _ in range(3):
        all_speak(workers)
    assert findings(master) == []
    (result,) = session_of(master).results
    assert (result.load.users, result.load.published, result.load.verdict) == (4, 6, "valid")
    assert result.load.metrics["reach"].min == 1.0
    assert result.load.metrics["time_to_last"].n > 0
    assert result.measurement is not None
    assert result.measurement.generator.processes == 2
    assert master.runner.questions() == 1
    assert [name for name, *_ in master.runner.sent][-2:] == [joint_verdict.RELEASE] * 2


def test_a_message_that_is_lost_between_two_workers_is_found(workers: tuple[Worker, Worker]) -> None:
    one, other = workers
    master = master_of(*workers)
    all_speak(workers)
    said = speak_to_own(one)
    other.hear(said, 0)  # and not member 1
    all_speak(workers)
    assert [finding.check for finding in findings(master)] == ["lost"]
    assert master.runner.questions() == 1  # a newer message has arrived, so there is nothing to wait for
    assert master.stats.errors


def test_the_master_waits_for_a_message_that_is_on_its_way_between_two_workers(
    workers: tuple[Worker, Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joint_verdict, "FURTHER_WAITS", (0.01,) * 5)
    one, other = workers
    master = master_of(*workers)
    all_speak(workers)
    said = speak_to_own(one)
    other.hear(said, 0)
    on_its_way = [said]
    master.runner.before_answer = lambda number: other.hear(on_its_way.pop(), 1) if number == 2 and on_its_way else None
    assert findings(master) == []
    assert master.runner.questions() == 3


def test_a_wait_for_a_message_that_never_arrives_ends(
    workers: tuple[Worker, Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joint_verdict, "FURTHER_WAITS", (0.01,) * 5)
    one, other = workers
    master = master_of(*workers)
    all_speak(workers)
    said = speak_to_own(one)
    other.hear(said, 0)
    assert [finding.check for finding in findings(master)] == ["lost"]
    assert master.runner.questions() == 6


def test_workers_on_two_machines_are_judged_separately(
    workers: tuple[Worker, Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    clocks = iter(("here", "there"))
    monkeypatch.setattr("wsproof.locust.workload_run.clock_name", lambda: next(clocks))
    one, _ = workers
    master = master_of(*workers)
    all_speak(workers)
    speak_to_own(one)  # and nobody in the other worker: the clocks do not say whether it was in
    assert findings(master) == []
    assert [result.load.users for result in session_of(master).results] == [2, 2]


def test_the_last_seconds_before_an_unexpected_end_of_a_worker_are_unknown(
    workers: tuple[Worker, Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joint_verdict, "ASK_SECONDS", 0.01)
    one, other = workers
    master = master_of(*workers)
    all_speak(workers)
    joint_verdict.await_release(one.environment)
    speak_to_own(other)
    assert "lost" not in [finding.check for finding in findings(master)]
    assert session_of(master).results[0].load.users == 4


def test_a_crash_in_a_worker_is_no_success(workers: tuple[Worker, Worker], monkeypatch: pytest.MonkeyPatch) -> None:
    master = master_of(*workers)
    all_speak(workers)

    def crash() -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(workers[1].run, "measured", crash)
    (finding,) = findings(master)
    assert finding.check == "no-verdict"
    assert "planted" in finding.explanation
    assert [result.load.verdict for result in session_of(master).results] == ["valid", "unknown"]
    assert master.stats.errors


def test_a_message_of_another_worker_that_arrives_twice_or_changed_is_found_at_once(
    workers: tuple[Worker, Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joint_verdict, "FURTHER_WAITS", ())
    one, other = workers
    all_speak(workers)
    said = other.speak()
    for _ in range(2):
        one.hear(said, 0)
    one.hear(other.speak().replace("quick", "quack"), 1)
    one.run.live.read()
    assert {finding.check for finding in one.run.live.findings()} == {"duplicated", "corrupt"}
    assert {"duplicated", "corrupt"} <= {finding.check for finding in findings(master_of(*workers))}


def test_messages_of_another_worker_in_another_order_are_found_at_once(workers: tuple[Worker, Worker]) -> None:
    one, other = workers
    all_speak(workers)
    first, second = one.speak(), one.speak()
    for said in (first, second):
        one.hear(said, 0, 1)
    for said in (second, first):
        other.hear(said, 0)
    for worker in workers:
        worker.run.live.read()
    assert one.run.live.findings() == []
    assert [(found.check, found.occurrences) for found in other.run.live.findings()] == [("reordered", 1)]


def test_members_of_a_worker_do_not_receive_each_others_copies_twice(workers: tuple[Worker, Worker]) -> None:
    for _ in range(3):
        all_speak(workers)
    for worker in workers:  # the publishers of the first have lower ids than those of the second
        worker.run.live.read()
        assert worker.run.live.findings() == []


def test_messages_of_other_tests_are_not_checked_while_the_test_runs(workers: tuple[Worker, Worker]) -> None:
    one, _ = workers
    all_speak(workers)
    stranger = Worker(2 * PER_WORKER)
    said = stranger.speak()
    for _ in range(2):
        one.hear(said, 0)
    stranger.run.close()
    one.run.live.read()
    assert one.run.live.findings() == []


def test_the_page_says_that_losses_between_workers_are_reported_at_the_end(master: Any) -> None:
    session_of(master).workers.update({"one", "other"})
    master.runner.state = "running"
    assert (view_of(master).remarks, view_of(master).notes) == ((ACROSS_WORKERS,), ())


def test_members_of_two_workers_wait_for_each_others_leave_notices(workers: tuple[Worker, Worker]) -> None:
    one, other = workers
    all_speak(workers)
    runs = [worker.run.measured for worker in workers]
    gone = one.run.members[1].name
    one.run.left(1, Departure.CLOSED)
    one.hear(f"Client #{gone} left the chat", 0)
    other.hear(f"Client #{gone} left the chat", 0)
    for worker in workers:
        worker.run.stop_publishing()
        worker.run.end_drain()
    assert is_waiting_across([run() for run in runs])
    other.hear(f"Client #{gone} left the chat", 1)
    assert not is_waiting_across([run() for run in runs])


def test_a_worker_that_does_not_answer_is_reported_at_once_and_no_failure_if_it_returns(
    master: Any, caplog: pytest.LogCaptureFixture
) -> None:
    note_lost_workers(master)
    assert not caplog.records
    for state in (STATE_MISSING, STATE_MISSING, STATE_RUNNING):
        master.runner.workers["other"].state = state
        note_lost_workers(master)
    lost, back = (record.message for record in caplog.records)
    assert "a Locust worker has ended, or does not answer" in lost
    assert "does so again" in back
    assert findings(master) == []
    assert not master.stats.errors


def test_a_killed_worker_is_reported_at_the_fourth_missed_heartbeat(
    master: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Locust counts a missed heartbeat each second, so the master reports within five seconds."""
    note_lost_workers(master)
    seconds = 0

    def pass_a_second(duration_s: float) -> None:
        nonlocal seconds
        note_lost_workers(master)
        if caplog.records:
            raise GreenletExit
        assert duration_s == 1
        seconds += 1
        master.runner.workers["one"].heartbeat = 3

    monkeypatch.setattr(runners, "gevent", SimpleNamespace(sleep=pass_a_second))
    countdown = SimpleNamespace(connection_broken=False, clients=master.runner.clients)
    with pytest.raises(GreenletExit):
        runners.MasterRunner.heartbeat_worker(countdown)  # type: ignore[arg-type]
    assert seconds == 4
    (record,) = caplog.records
    assert "a Locust worker has ended" in record.message


@pytest.mark.parametrize("is_forgotten", [False, True])
def test_the_users_of_a_lost_worker_are_unknown(
    master: Any, is_forgotten: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joint_verdict, "MISSING_SECONDS", 0.05)
    note_lost_workers(master)
    if is_forgotten:  # Locust drops a worker a minute after it was lost
        del master.runner.workers["other"]
    else:
        master.runner.workers["other"].state = STATE_MISSING
    (result,) = joint_verdict.results_of_workers(master)
    assert (result.load.verdict, [one.check for one in result.findings]) == ("unknown", ["no-verdict"])
    assert [(row.name, row.occurrences) for row in master.stats.errors.values()] == [("wsproof: worker", 1)]
    assert "one" in [client for _, _, client in master.runner.sent]


def test_workers_divide_the_rate(master: Any) -> None:
    session_of(master).share = None
    reply_with_share(master, SimpleNamespace(node_id="one"))
    ((_, told, _),) = master.runner.sent
    assert told["workers"] == 2
    worker = environment()
    worker.host, worker.user_classes = "ws://127.0.0.1:1", []
    session_of(worker).begin_test()
    take(worker, SimpleNamespace(data=told | {"urls": {worker.host: worker.host}}))
    user_class = type("ChatUser", (ChannelUser,), {"abstract": False, "room_rate_hz": 20.0})
    run = make_run(worker, user_class, MemberIds(0, True))
    assert run.rate_hz == 10.0
    run.close()

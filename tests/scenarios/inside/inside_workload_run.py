"""Tests of a workload run with a fake environment: no sockets, no server."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import pairwise
from time import monotonic_ns
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from locust.stats import RequestStats

from wsproof import Envelope
from wsproof.locust.workload_run import WorkloadRun
from wsproof.model.history import Departure, Kind
from wsproof.net.endpoint import parse_url
from wsproof.workloads.chat import Chat


class FakeConnection:
    """A connection that records what is sent."""

    is_stamped = False
    sent_ns = 0
    endpoint = parse_url("ws://127.0.0.1:1/ws/7")

    def __init__(self, member: int) -> None:
        self.member = member
        self.sent: deque[str] = deque()

    def send(self, message: str) -> bool:
        self.sent.append(message)
        self.sent_ns = monotonic_ns()
        return True

    def listen(self) -> None:
        """Do nothing: no data arrives."""


class Hook:
    def __init__(self) -> None:
        self.fired: list[dict[str, Any]] = []

    def fire(self, **what: Any) -> None:
        self.fired.append(what)


@pytest.fixture
def room() -> Iterator[WorkloadRun]:
    environment = SimpleNamespace(
        stats=RequestStats(),
        events=SimpleNamespace(request=Hook(), user_error=Hook()),
        reset_stats=False,
        runner=SimpleNamespace(target_user_count=2),
    )
    room = WorkloadRun(environment, Chat(), parse_url("ws://127.0.0.1:1"), rate_hz=0.001, payload_bytes=60, alone=True)
    yield room
    room.close()


def enter(room: WorkloadRun) -> FakeConnection:
    line = FakeConnection(room.join())
    room.connected(line, connect_ns=5)  # type: ignore[arg-type]
    return line


def say(room: WorkloadRun, line: FakeConnection) -> str:
    room.publisher.publish(line.member, intended_ns=100)
    return f"Client #{room.members[line.member].name} says: {line.sent.pop()}"


def hear(room: WorkloadRun, text: str, *members: int, at_ns: int = 1_100_100) -> None:
    for member in members:
        payload = text.encode()
        room.receiver.hear(member, b"\x81" + payload, payload, True, at_ns)


def requests(room: WorkloadRun, name: str) -> int:
    room.flush()
    return int(room.environment.stats.entries[f"chat: {name}", "WS"].num_requests)


def test_a_delivery_is_timed_once_per_receipt_and_the_last_one_once_per_publication(room: WorkloadRun) -> None:
    one, two = enter(room), enter(room)
    hear(room, say(room, one), 0, 1)
    hear(room, say(room, two), 0, at_ns=2_000_100)
    assert requests(room, "latency from intended time") == 3
    assert requests(room, "time to last") == 0  # no member had joined at the first message, and one misses the second
    hear(room, f"You: {Envelope(0, 0, 100).seal(room.publisher.body)}", 0)
    assert len(room.pending) == 2


def test_a_member_that_left_is_not_waited_for(room: WorkloadRun) -> None:
    one, _ = enter(room), enter(room)
    hear(room, say(room, one), 0, 1)
    said = say(room, one)
    room.left(1, Departure.CLOSED)
    hear(room, said, 0)
    assert requests(room, "time to last") == 1
    assert {key[0] for key, _ in room.pending.pairs()} == {Kind.REPLY, "leave"}


def test_the_drain_waits_for_the_leave_notices_of_the_remaining_members(room: WorkloadRun) -> None:
    one, two = enter(room), enter(room)
    hear(room, say(room, one), 0, 1)
    room.left(two.member, Departure.CLOSED)
    assert (("leave", "2"), 0) in list(room.pending.pairs())
    hear(room, "Client #2 left the chat", 0)
    assert (("leave", "2"), 0) not in list(room.pending.pairs())


def test_a_publication_of_another_process_is_not_checked(room: WorkloadRun) -> None:
    enter(room)
    hear(room, f"Client #9 says: {Envelope(1 << 20, 0, 5).seal('x')}", 0)
    assert room.members.present == {0}
    assert requests(room, "latency from intended time") == 0
    assert len(room.measurement().history.receipts) == 0


def test_a_wrong_sender_name_is_damage(room: WorkloadRun) -> None:
    one = enter(room)
    enter(room)
    hear(room, say(room, one).replace("#1", "#2"), 0)
    assert room.measurement().history.receipts.intact.tolist() == [0]


def test_a_connection_that_the_server_ends_is_a_failure_of_its_user(room: WorkloadRun) -> None:
    enter(room)
    room.ended(0, 1011)
    (failure,) = room.environment.events.request.fired
    assert failure["name"] == "chat: connection"
    assert "1011" in str(failure["exception"])
    assert room.members[0].departure is Departure.DROPPED


def test_a_crash_in_the_background_is_reported(room: WorkloadRun) -> None:
    room.pulse._on_beat = lambda: 1 / 0  # type: ignore[assignment]
    gevent.wait([room.pulse.greenlet], timeout=90)
    gevent.idle()
    assert "ZeroDivisionError" in repr(room.environment.events.request.fired[0]["exception"])
    assert room.environment.events.user_error.fired


def test_the_pacer_publishes_at_the_intended_times_and_not_without_members() -> None:
    from wsproof.locust.pacer import RunPacer

    said: list[tuple[int, int]] = []
    pacer = RunPacer(500, lambda member, intended_ns: said.append((member, intended_ns)))
    try:
        gevent.sleep(0.01)
        assert said == []
        pacer.add(7)
        pacer.add(8)
        with gevent.Timeout(10):
            while len(said) < 6:
                gevent.sleep(0.001)
    finally:
        pacer.stop()
    assert [member for member, _ in said[:4]] in ([7, 8, 7, 8], [8, 7, 8, 7])
    assert {b - a for (_, a), (_, b) in pairwise(said[:6])} == {2_000_000}
    pacer.remove(7)
    pacer.remove(7)
    pacer.remove(8)
    assert pacer.overdue(10**15) == 0


def test_in_a_burst_one_member_publishes_several_times_in_a_row() -> None:
    from wsproof.locust.pacer import RunPacer

    said: list[int] = []
    pacer = RunPacer(2_000, lambda member, _: said.append(member))
    for member in range(3):
        pacer.add(member)
    with gevent.Timeout(90):
        while len(said) < 20:
            gevent.sleep(0.001)
    pacer.stop()
    assert len(set(said[17:20])) == 1
    assert said[:17] == [(said[0] + place) % 3 for place in range(17)]


def test_a_pulse_measures_lag_of_what_blocks_it() -> None:
    import time

    from wsproof.locust.self_lag import SelfLag

    pulse = SelfLag(lambda: None)
    gevent.sleep(0)
    spin_until = time.monotonic() + 0.2
    while time.monotonic() < spin_until:  # block the loop
        pass
    with gevent.Timeout(10):
        while not pulse.lag_ns:
            gevent.sleep(0.01)
    pulse.stop()
    assert pulse.usage(unsent=3).loop_lag_ns[0] > 100_000_000
    assert pulse.usage(unsent=3).unsent == 3
    assert pulse.usage(unsent=3).loop == "gevent"

"""Tests of a running test: its seconds, its violations as failures, its events. No sockets, no server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from time import monotonic_ns
from types import SimpleNamespace
from typing import Any

import pytest
from locust.stats import RequestStats as LocustStats

from tests.scenarios.inside.inside_workload_run import FakeConnection, Hook, enter, hear, say
from wsproof import Finding, Level
from wsproof.checks.protocol import protocol
from wsproof.deviations import KnownDeviations
from wsproof.deviations.deviation import Deviation
from wsproof.locust.events import NAMES
from wsproof.locust.live_load import LiveLoad, from_text, to_text
from wsproof.locust.session import session_of
from wsproof.locust.stats import RequestStats, log_failures, rounded_ms
from wsproof.locust.violations import report_final, report_live
from wsproof.locust.watcher import collect
from wsproof.locust.workload_run import WorkloadRun
from wsproof.model.finding import Anomaly
from wsproof.model.history import Departure
from wsproof.model.load_second import LoadSecond, percentile_ns
from wsproof.model.nanoseconds import NS
from wsproof.net.endpoint import parse_url
from wsproof.wire import Breach
from wsproof.workloads.chat import Chat

LOST = Finding("lost", "chat", Anomaly.LOST, Level.VIOLATION, "member 3 never received message 4.", occurrences=3)


def environment() -> Any:
    events = SimpleNamespace(request=Hook(), user_error=Hook(), **{name: Hook() for name in NAMES})
    stats = LocustStats()
    created = SimpleNamespace(
        stats=stats,
        events=events,
        reset_stats=False,
        runner=SimpleNamespace(target_user_count=2),
        parsed_options=None,
    )
    events.request.fire = lambda **event: _log(created, **event)
    return created


def _log(environment: Any, **event: Any) -> None:
    """Log a request event as Locust does."""
    environment.stats.log_request(
        event["request_type"], event["name"], event["response_time"], event["response_length"]
    )
    if event["exception"] is not None:
        environment.stats.log_error(event["request_type"], event["name"], event["exception"])


@pytest.fixture
def room() -> Iterator[WorkloadRun]:
    room = WorkloadRun(
        environment(), Chat(), parse_url("ws://127.0.0.1:1"), rate_hz=0.001, payload_bytes=60, alone=True
    )
    room.pulse.stop()  # the tests evaluate the seconds themselves
    yield room
    room.close()


def two_members(room: WorkloadRun) -> tuple[FakeConnection, FakeConnection]:
    """Return two members that have received each other's first message, in a measured window."""
    first, second = enter(room), enter(room)
    room.ramp.all_spawned(2)
    hear(room, say(room, first), 0, 1)
    hear(room, say(room, second), 0, 1)
    return first, second


def measured_second(room: WorkloadRun, after_s: float = 0.0) -> LoadSecond:
    """Return the measured second that ends `after_s` from now."""
    room.live.read()
    room.live.look(monotonic_ns() + int(after_s * NS))
    return room.live.seconds[-1]


# Seconds of the run.


def test_a_second_has_the_deliveries_and_the_connections(room: WorkloadRun) -> None:
    two_members(room)
    room.left(room.join(), Departure.REFUSED)
    room.join()
    second = measured_second(room)
    assert (second.deliveries, second.published) == (sum(second.latency.values()), 2)
    assert second.deliveries == 4
    states = second.connections
    assert (states.receiving, states.refused, states.connecting) == (2, 1, 1)
    assert measured_second(room).deliveries == 0


def test_two_measured_seconds_with_the_same_end_do_not_count_as_those_of_two_processes(room: WorkloadRun) -> None:
    two_members(room)
    for _ in range(3):
        measured_second(room)
    live = LiveLoad()
    live.take("", "chat", room.live.take_new(), [])
    assert [second.connections.receiving for second in live.seconds("chat")] == [2, 2, 2]


def test_an_overdue_delivery_is_part_of_the_latency_that_is_shown(room: WorkloadRun) -> None:
    first, _ = two_members(room)
    measured_second(room)
    say(room, first)  # and the server stalls
    second = measured_second(room, after_s=4)
    assert (second.outstanding, sum(second.overdue.values())) == (2, 2)
    assert second.oldest_ns >= 4 * NS
    waited_ns = percentile_ns(second.overdue, 1.0)
    assert waited_ns is not None
    assert waited_ns >= 3.9 * NS
    assert measured_second(room, after_s=5).missed == 2


def test_a_failed_publication_counts_in_the_reach(room: WorkloadRun) -> None:
    first, other = two_members(room)
    before = room.publisher.planned
    for line in (first, other):
        room.left(line.member, Departure.DROPPED, 1012)
    room.publisher.publish(0, monotonic_ns())
    assert room.publisher.planned == before + 2
    measured_second(room)
    second = measured_second(room)
    assert second.connections.ended == 2
    assert second.missed == 2


# Violations.


def test_a_duplicate_is_found_while_the_test_runs(room: WorkloadRun) -> None:
    first, _ = two_members(room)
    message = say(room, first)
    hear(room, message, 0, 1, 1)
    measured_second(room)
    (finding,) = room.live.findings()
    assert (finding.check, finding.section, finding.occurrences) == ("duplicated", "chat", 1)


def test_a_lost_message_is_found_while_the_test_runs_and_not_after_a_freeze(room: WorkloadRun) -> None:
    first, _ = two_members(room)
    say(room, first)
    hear(room, say(room, first), 0, 1)
    measured_second(room, after_s=3)
    measured_second(room, after_s=4)
    assert [(each.check, each.occurrences) for each in room.live.findings()] == [("lost", 2)]


def test_a_message_in_an_unknown_format_is_not_called_lost_while_the_test_runs(room: WorkloadRun) -> None:
    first, _ = two_members(room)
    hear(room, say(room, first).replace("says:", "shouts:"), 0, 1)
    hear(room, say(room, first), 0, 1)
    measured_second(room, after_s=3)
    measured_second(room, after_s=4)
    assert [each.has_envelope for each in room.recorder.unexpected] == [True, True]
    assert room.live.findings() == []


def test_after_a_freeze_of_the_generator_no_message_is_reported_as_lost(room: WorkloadRun) -> None:
    first, _ = two_members(room)
    say(room, first)
    hear(room, say(room, first), 0, 1)
    room.pulse.frozen_ns(room.pulse._beat_ns + 3 * NS)
    measured_second(room, after_s=3)
    measured_second(room, after_s=4)
    assert room.live.findings() == []


def test_protocol_violations_are_reported_like_by_the_final_check(room: WorkloadRun) -> None:
    two_members(room)
    findings: list[Finding] = []
    for rule in ("close-code", "text-utf8", "close-code"):
        room.receiver.breach(1, Breach(rule, "5.5", "MUST", f"The server broke {rule}.", f"a frame against {rule}"))
        findings = room.live.findings()
    assert [(each.check, each.occurrences) for each in findings] == [("server-close-code", 2), ("server-text-utf8", 1)]
    room.stop_publishing()
    assert findings == protocol(room.measurement().history, room.contract)


def test_violations_are_failures_by_occurrences_and_none_is_counted_twice() -> None:
    locust = environment()
    report_live(locust, "chat", [LOST])
    report_live(locust, "chat", [replace(LOST, occurrences=5)])
    (row,) = locust.stats.errors.values()
    assert (row.name, row.occurrences) == ("chat: lost", 5)
    assert "member 3" not in str(row.error)
    report_final(locust, "chat", replace(LOST, occurrences=4))
    assert row.occurrences == 5
    report_final(locust, "chat", replace(LOST, occurrences=4))  # of another worker
    assert row.occurrences == 8
    assert locust.stats.entries["chat: lost", "WS"].num_failures == 8


def test_a_known_deviation_is_no_failure_while_the_test_runs() -> None:
    locust = environment()
    known = KnownDeviations(own=(Deviation(check="lost", section="chat", reason="it is a UDP bridge"),))
    session_of(locust).known.append(known)
    report_live(locust, "chat", [LOST])
    assert not locust.stats.errors


def test_the_reports_of_two_workers_are_put_together() -> None:
    live = LiveLoad()
    for process in ("one", "other"):
        ((name, seconds, findings),) = from_text(to_text([("chat", [LoadSecond(7, deliveries=2)], [LOST])]))
        live.take(process, name, seconds, findings)
    assert [second.deliveries for second in live.seconds("chat")] == [4]
    assert [(finding.check, finding.occurrences) for finding in live.findings("chat")] == [("lost", 6)]
    assert live.whole("chat").per_second("deliveries") == 4


def test_a_second_is_shown_once_all_workers_have_reported_it_or_one_is_silent() -> None:
    live = LiveLoad()
    live.take("one", "chat", [LoadSecond(at_s, deliveries=2) for at_s in (1, 2, 3)], [])
    live.take("other", "chat", [LoadSecond(at_s, deliveries=2) for at_s in (1, 2)], [])
    assert [(second.at_s, second.deliveries) for second in live.seconds("chat")] == [(1, 4), (2, 4)]
    live.take("one", "chat", [LoadSecond(at_s, deliveries=2) for at_s in range(4, 8)], [])
    assert [second.at_s for second in live.seconds("chat")] == [1, 2, 3, 4, 5, 6, 7]


def test_a_master_of_its_own_users_collects_each_second_once(room: WorkloadRun) -> None:
    session = session_of(room.environment)
    session.runs[object] = room
    measured_second(room)
    collect(session)
    measured_second(room)
    collect(session)
    collect(session)
    assert room.live.take_new() == []
    assert session.live.workloads == ("chat",)
    session.runs.clear()


# Locust's tables, and other plugins.


def test_the_aggregated_row_has_only_latencies(room: WorkloadRun) -> None:
    two_members(room)
    room.flush()
    stats = room.environment.stats
    assert stats.entries["chat: connect", "WS"].num_requests == 2
    assert stats.total.num_requests == stats.entries["chat: latency from intended time", "WS"].num_requests == 4


def test_times_below_100_ms_keep_a_tenth_of_a_millisecond() -> None:
    assert [rounded_ms(value) for value in (0.04, 0.449, 12.34, 99.96, 147.3, 58_764.0)] == [
        0.0,
        0.4,
        12.3,
        100.0,
        147.0,
        58_800.0,
    ]
    locust = environment()
    times = RequestStats(locust, "chat: latency")
    times.add(449_000)
    times.flush()
    assert locust.stats.entries["chat: latency", "WS"].get_response_time_percentile(0.5) == 0.4


def test_many_failures_are_one_row_and_do_not_count_as_response_times() -> None:
    locust = environment()
    log_failures(locust, "chat: lost", ValueError("it is lost"), 900)
    entry = locust.stats.entries["chat: lost", "WS"]
    assert (entry.num_failures, entry.num_requests, dict(entry.response_times)) == (900, 900, {})
    assert [row.occurrences for row in locust.stats.errors.values()] == [900]


def test_other_plugins_see_connections_ends_times_to_last_and_batches_of_deliveries(room: WorkloadRun) -> None:
    _, other = two_members(room)
    room.flush()
    room.ended(other.member, 1012)
    events = room.environment.events
    assert [each["member"] for each in events.ws_connected.fired] == [0, 1]
    assert events.ws_ended.fired == [{"workload": "chat", "member": 1, "close_code": 1012}]
    assert events.ws_reached_all.fired[0]["milliseconds"] > 0
    batches = {each["name"]: len(each["milliseconds"]) for each in events.ws_times.fired}
    assert batches["chat: latency from intended time"] == 4

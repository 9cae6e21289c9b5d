"""Tests that an incomplete load is not a success, and that faults of wsproof are not reported as the server's."""

from __future__ import annotations

import itertools
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from gevent.monkey import get_original
from locust.stats import RequestStats

from tests.net.hand import HandServer, accept_handshake
from tests.scenarios.inside.inside_connection import RecordingListener
from tests.scenarios.inside.inside_workload_run import FakeConnection, Hook, enter, hear, say
from wsproof import Finding, Level, Verdict
from wsproof.checks import run_checks
from wsproof.checks.feed import silence_ns
from wsproof.locust.connection import GeventConnection
from wsproof.locust.generator_fault import Freeze, HandshakeAbandoned, excused
from wsproof.locust.outcome import exit_code, finish, summary_of
from wsproof.locust.pacer import RunPacer
from wsproof.locust.result import WorkloadResult, describe
from wsproof.locust.session import session_of
from wsproof.locust.verdict import add_result
from wsproof.locust.workload_run import WorkloadRun
from wsproof.model.finding import Anomaly
from wsproof.model.history import Departure, Member, Outcome
from wsproof.model.load_summary import WorkloadLoad
from wsproof.model.nanoseconds import NS
from wsproof.model.plan import Phase
from wsproof.model.summary import Summary, TrustWarning, Void
from wsproof.net.endpoint import parse_url
from wsproof.workloads.chat import Chat
from wsproof.workloads.dashboard import Dashboard

original_sleep = get_original("time", "sleep")
TICK = '{"cpu_usage": 1.0, "memory_usage": 1.0, "active_users": 1, "response_time": 1.0}'


def environment(users: int = 2) -> Any:
    return SimpleNamespace(
        stats=RequestStats(),
        events=SimpleNamespace(request=Hook(), user_error=Hook()),
        reset_stats=False,
        runner=SimpleNamespace(target_user_count=users, exceptions={}, stop=lambda: None),
        parsed_options=None,
        process_exit_code=None,
    )


@pytest.fixture
def room() -> Any:
    room = WorkloadRun(
        environment(), Chat(), parse_url("ws://127.0.0.1:1"), rate_hz=0.001, payload_bytes=60, alone=True
    )
    yield room
    room.close()


def phase_of(room: WorkloadRun) -> Phase:
    """Return the phase, whose type mypy would otherwise narrow to the last assertion."""
    return room.ramp.phase


# A server that restarts.


def test_publications_due_while_the_server_is_away_are_part_of_the_open_loop() -> None:
    published: list[tuple[int, int]] = []
    pacer = RunPacer(500, lambda member, intended_ns: published.append((member, intended_ns)))
    pacer.add(7)
    pacer.lose(7)
    with gevent.Timeout(90):
        while len(published) < 4:
            gevent.sleep(0.001)
    pacer.stop()
    times = [at for _, at in published[:4]]
    assert {member for member, _ in published} == {7}
    assert {later - earlier for earlier, later in itertools.pairwise(times)} == {2_000_000}


def test_no_publication_is_due_after_locust_has_removed_the_last_user() -> None:
    pacer = RunPacer(0.001, lambda *_: None)
    for member in (1, 2):
        pacer.add(member)
    pacer.lose(1)
    pacer.remove(2)
    pacer.stop()
    assert not pacer.speakers
    assert not pacer.lost


def test_publications_that_could_not_be_made_lower_the_reach_and_void_the_figures(room: WorkloadRun) -> None:
    one, two = enter(room), enter(room)
    room.ramp.all_spawned(2)
    hear(room, say(room, one), 0, 1)
    hear(room, say(room, one), 0, 1)
    for line in (one, two):
        room.ended(line.member, 1012)
    room.publisher.publish(0, intended_ns=room.recorder.start_ns + 1)
    room.stop_publishing()
    room.recorder.drained_ns = room.recorder.end_ns
    judged = room.measured().judged_measurement(2)
    assert room.recorder.publications.data["outcome"][-1] == Outcome.FAILED
    assert judged.metrics["reach"].min == 0.0
    assert "unpublished" in [warning.code for warning in judged.warnings if warning.voids_medians]


def test_users_that_the_server_has_cut_off_for_good_make_the_verdict_unknown(
    room: WorkloadRun, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = enter(room), enter(room)
    room.ramp.all_spawned(2)
    hear(room, say(room, one), 0, 1)
    for line in (one, two):
        room.ended(line.member, 1012)
    room.stop_publishing()
    room.recorder.drained_ns = room.recorder.end_ns
    measured = room.measured()
    result = describe(measured, measured.judged_measurement(2))
    assert result.load.verdict is Verdict.UNKNOWN
    add_result(room.environment, result)
    finish(room.environment)
    assert "chat: 2 users, 1 publications, unknown" in caplog.text
    assert "the server ended the connection of 2 users, who have not come back" in caplog.text


# The ramp.


def test_the_window_begins_once_all_users_have_joined_or_were_refused(room: WorkloadRun) -> None:
    one = enter(room)
    say(room, one)
    room.ramp.all_spawned(2)
    assert phase_of(room) is Phase.WARMUP
    late = FakeConnection(room.join())
    assert phase_of(room) is Phase.WARMUP
    room.connected(late, connect_ns=5)  # type: ignore[arg-type]
    assert phase_of(room) is Phase.MEASURED
    say(room, one)
    assert list(room.recorder.publications.data["phase"]) == [Phase.WARMUP, Phase.MEASURED]
    room.ramp.all_spawned(9)  # a user of the web UI adds users: the window continues
    assert phase_of(room) is Phase.MEASURED


def test_a_refused_user_does_not_hold_up_the_window(room: WorkloadRun) -> None:
    enter(room)
    room.ramp.all_spawned(2)
    room.left(room.join(), Departure.REFUSED)
    assert phase_of(room) is Phase.MEASURED


def test_a_test_that_ends_in_the_ramp_says_so(room: WorkloadRun) -> None:
    one = enter(room)
    hear(room, say(room, one), 0)
    room.stop_publishing()
    room.recorder.drained_ns = room.recorder.end_ns
    codes = {warning.code: warning for warning in room.measured().judged_measurement(2).warnings}
    assert codes["ramp-not-ended"].voids_medians
    assert "before all 2 users had joined (1 of chat had joined)" in codes["ramp-not-ended"].message


# Faults of wsproof.


def test_a_frozen_event_loop_does_not_use_up_the_deadline_of_a_handshake() -> None:
    with HandServer() as server:
        line = GeventConnection(0, server.endpoint, RecordingListener(), seed=1, deadline_s=0.3)
        opening = gevent.spawn(line.open)
        sock = server.accept()
        accept_handshake(sock)
        original_sleep(0.5)  # blocks the event loop on purpose
        assert opening.get().status == 101
        line.abort()


def test_an_aborted_handshake_causes_no_false_notice_finding(room: WorkloadRun) -> None:
    one, two = enter(room), enter(room)
    hear(room, say(room, one), 0, 1)
    hear(room, say(room, two), 0, 1)
    line = FakeConnection(room.join())
    line.abort = lambda: None  # type: ignore[attr-defined]
    room.not_connected(line, HandshakeAbandoned("sent nothing for 10 s"))  # type: ignore[arg-type]
    at_ns = room.members[2].left_ns + 1_000
    hear(room, "Client #3 left the chat", 0, 1, at_ns=at_ns)  # the response was only late
    room.stop_publishing()
    room.recorder.drained_ns = room.recorder.end_ns
    checks = {finding.check for finding in run_checks(room.measurement().history, room.contract)}
    assert checks & {"false-leave", "message-after-leave", "duplicate-leave"} == set()


def test_a_connection_that_the_server_ends_in_a_freeze_is_the_generators_failure(
    room: WorkloadRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = enter(room)
    now_ns = room.pulse._beat_ns + 3 * NS
    monkeypatch.setattr("wsproof.locust.workload_run.monotonic_ns", lambda: now_ns)
    room.ended(one.member, 1011)
    (failure,) = room.environment.events.request.fired
    assert failure["name"] == "chat: generator"
    assert "stood still for 3.0 s" in str(failure["exception"])


def finding(check: str, anomaly: Anomaly, level: Level = Level.VIOLATION) -> Finding:
    return Finding(check, "chat", anomaly, level, "It broke.")


def test_a_freeze_of_the_generator_makes_findings_of_a_silent_client_unknown() -> None:
    findings = [
        finding("lost", Anomaly.LOST),
        finding("false-leave", Anomaly.PHANTOM),
        finding("duplicated", Anomaly.DUPLICATED),
        finding("corrupt", Anomaly.CORRUPT),
    ]
    assert excused(findings, []) == findings
    verdicts = [finding.verdict() for finding in excused(findings, [Freeze(0, 2 * NS)])]
    assert verdicts == [Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.INVALID, Verdict.INVALID]


@pytest.mark.parametrize(("ended_s", "verdict"), [(9, Verdict.INVALID), (13, Verdict.UNKNOWN), (16, Verdict.INVALID)])
def test_a_freeze_excuses_the_end_of_a_connection_only_right_after_it(ended_s: int, verdict: Verdict) -> None:
    member = Member(0, "1", departure=Departure.DROPPED, left_ns=ended_s * NS)
    (excused_finding,) = excused([finding("disconnected", Anomaly.LOST)], [Freeze(10 * NS, 12 * NS)], [member])
    assert excused_finding.verdict() is verdict


def test_a_short_lag_is_no_freeze(room: WorkloadRun) -> None:
    now_ns = room.pulse._beat_ns
    assert room.pulse.frozen_ns(now_ns + NS // 2) == 0
    assert room.pulse.frozen_ns(now_ns + 2 * NS) == 2 * NS
    room.pulse._beat_ns = now_ns + 10 * NS
    assert room.pulse.frozen_ns(now_ns + 10 * NS) == 0


@pytest.mark.parametrize(("close_code", "verdict"), [(1012, Verdict.UNKNOWN), (1011, Verdict.INVALID)])
def test_a_stalled_member_is_not_the_cause_of_a_restart(room: WorkloadRun, close_code: int, verdict: Verdict) -> None:
    lines = [enter(room) for _ in range(3)]
    room.ramp.all_spawned(3)
    hear(room, say(room, lines[0]), 0, 1, 2)
    hear(room, say(room, lines[1]), 0, 1, 2)
    room.stop_expecting(2)
    for member in (0, 1):
        room.ended(member, close_code)
    room.stop_publishing()
    room.recorder.drained_ns = room.recorder.end_ns
    findings = [
        finding
        for finding in room.measured().judged_measurement(3).findings
        if finding.check == "stalled-by-other-member"
    ]
    assert [finding.verdict() for finding in findings] == [verdict]


def test_a_generator_without_cpu_time_is_exit_code_3(room: WorkloadRun) -> None:
    one, _ = enter(room), enter(room)
    room.ramp.all_spawned(2)
    for _ in range(3):
        hear(room, say(room, one), 0, 1)
    room.pulse.cpu_share.extend([1.0, 1.0])
    room.stop_publishing()
    room.recorder.drained_ns = room.recorder.end_ns
    measured = room.measured()
    add_result(room.environment, describe(measured, measured.judged_measurement(2)))
    assert exit_code(room.environment, None) == 3


def test_the_drain_waits_for_viewers_of_a_feed_that_an_overloaded_server_has_starved() -> None:
    url = parse_url("ws://127.0.0.1:1")
    run = WorkloadRun(environment(), Dashboard(), url, rate_hz=0.001, payload_bytes=60, alone=True)
    feed = run.contract.feed
    assert feed is not None
    members = [enter(run).member for _ in range(3)]
    assert run._drain.is_waiting()  # nobody has received anything
    now_ns = 1_000 * NS
    for member in members:
        hear(run, TICK, member, at_ns=now_ns)
    assert not run._drain.is_feed_silent(feed, now_ns + silence_ns(feed))
    assert run._drain.is_feed_silent(feed, now_ns + silence_ns(feed) + 1)
    hear(run, TICK, *members[:2], at_ns=now_ns + silence_ns(feed))
    assert run._drain.is_feed_silent(feed, now_ns + silence_ns(feed) + 1)
    run.stop_expecting(members[2])
    assert not run._drain.is_feed_silent(feed, now_ns + silence_ns(feed) + 1)
    run.close()


# The exit code.

VOID = TrustWarning("generator-cpu", "It was busy.", "Use less.", True, ("latency",))
TAIL = replace(VOID, figures=("latency.p99",))


def finished_environment(*warnings: TrustWarning) -> Any:
    finished = environment()
    load = WorkloadLoad("chat", users=2, published=9, verdict=Verdict.VALID, warnings=warnings)
    session_of(finished).results.append(WorkloadResult(load, ()))
    return finished


def test_void_medians_are_exit_code_3_and_void_tails_are_not() -> None:
    assert [exit_code(finished_environment(*each), None) for each in ((), (TAIL,), (VOID,))] == [None, None, 3]


@pytest.mark.parametrize(("without_ns", "code"), [(1_500_000, None), (400_000, 3)])
def test_a_median_that_is_void_by_less_than_a_millisecond_is_no_exit_code_3(
    without_ns: float, code: int | None
) -> None:
    finished = finished_environment(replace(VOID, figures=("latency.p50",)))
    void = {"p50": Void("generator-cpu", "It was busy.", without_ns)}
    ((result,), latency) = (
        session_of(finished).results,
        Summary("ns", "lower", 9, value=2_000_000, p50=2_000_000, void=void),
    )
    load = replace(result.load, metrics={"latency": latency})
    session_of(finished).results[:] = [replace(result, load=load)]
    assert exit_code(finished, None) == code


def test_with_strict_trust_every_void_figure_is_exit_code_3() -> None:
    finished = finished_environment(TAIL)
    finished.parsed_options = SimpleNamespace(ws_strict_trust=True)
    assert exit_code(finished, None) == 3


def test_locust_handles_failures_and_an_exit_code_set_by_the_user_is_kept() -> None:
    finished = finished_environment(VOID)
    finished.stats.log_error("GET", "/", ConnectionError("refused"))
    assert exit_code(finished, None) is None
    assert exit_code(finished_environment(VOID), 2) == 2
    assert summary_of(finished).has_failed
    assert summary_of(finished).verdict is Verdict.UNKNOWN


def test_locust_prints_what_makes_figures_void(caplog: pytest.LogCaptureFixture) -> None:
    finished = finished_environment(VOID)
    finish(finished)
    assert finished.process_exit_code == 3
    assert "chat: void figures (generator-cpu): It was busy." in caplog.text


def test_a_test_in_which_no_member_connected_is_no_success(caplog: pytest.LogCaptureFixture) -> None:
    finished = environment()
    session_of(finished).has_begun = True
    finish(finished)
    assert finished.process_exit_code == 3
    assert "no member of a channel has connected" in caplog.text

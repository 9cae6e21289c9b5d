"""Tests of the verdicts on a shutdown and on a disturbance, from the members' observations."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.checks.histories import CHAT, QUIET_CHAT, Room
from wsproof import Level
from wsproof.checks.disturbance import judge_disturbance, judge_repeats
from wsproof.checks.shutdown import judge_shutdown
from wsproof.model.disturbance import DisturbanceRecord, SeenEnd, ShutdownRecord

TOLD = SeenEnd("1", is_reading=True, has_ended=True, close_code=1012)
SILENT = replace(TOLD, is_reading=False, has_ended=False, close_code=None)
GOOD = ShutdownRecord((TOLD, replace(TOLD, name="2", close_code=1001), SILENT), 0.4, 10.0)


@pytest.mark.parametrize("code", [1000, 1001, 1012, 1013, 4000])
def test_a_shutdown_close_code_that_does_not_blame_the_client_is_correct(code: int) -> None:
    assert judge_shutdown(replace(GOOD, ends=(replace(TOLD, close_code=code), SILENT)), CHAT) == []


@pytest.mark.parametrize(
    ("ends", "name", "level"),
    [
        ((replace(TOLD, close_code=None), TOLD), "shutdown-close", Level.NON_STRICT),
        ((replace(TOLD, close_code=1011), TOLD), "shutdown-code", Level.NON_STRICT),
        ((replace(TOLD, missed=2), TOLD), "shutdown-loss", Level.VIOLATION),
    ],
)
def test_a_shutdown_fault_is_reported(ends: tuple[SeenEnd, ...], name: str, level: Level) -> None:
    (finding,) = judge_shutdown(replace(GOOD, ends=ends), CHAT)
    assert (finding.check, finding.level) == (name, level)


def test_a_message_lost_at_shutdown_without_acknowledgement_is_non_strict() -> None:
    (finding,) = judge_shutdown(replace(GOOD, ends=(replace(TOLD, missed=1),)), QUIET_CHAT)
    assert finding.level is Level.NON_STRICT


def test_a_member_that_does_not_read_sees_no_close_frame_and_misses_messages() -> None:
    assert judge_shutdown(replace(GOOD, ends=(TOLD, replace(SILENT, missed=3, has_ended=True))), CHAT) == []


def test_a_server_process_that_does_not_end_is_reported() -> None:
    (finding,) = judge_shutdown(replace(GOOD, exit_s=None), CHAT)
    assert "its process still runs 10 s later; 1 of the connections" in finding.explanation


DEAF = DisturbanceRecord("restart broker", 3, True, 0, None, 10.0, unserved=("1", "2"), is_newcomer_served=False)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (DEAF, "A member that joins now receives nothing either"),
        (replace(DEAF, is_newcomer_served=True), "the server has lost only the old connections"),
        (replace(DEAF, unserved=(), is_newcomer_served=None), "3 members cannot connect again"),
    ],
)
def test_members_that_do_not_recover_are_reported(record: DisturbanceRecord, words: str) -> None:
    (finding,) = judge_disturbance(record, CHAT)
    assert words in finding.explanation


def test_a_timely_recovery_and_members_that_were_never_connected_are_no_finding() -> None:
    assert judge_disturbance(replace(DEAF, recovered_s=3.0, unserved=()), CHAT) == []


def test_newcomers_after_the_recovery_whose_messages_are_lost_are_a_violation() -> None:
    record = replace(DEAF, recovered_s=0.5, unserved=(), newcomers=6, lost_pair=("u1", "u7"))
    (finding,) = judge_disturbance(record, CHAT)
    assert finding.level is Level.VIOLATION
    assert "u1 receives nothing that u7 publishes" in finding.explanation
    assert judge_disturbance(replace(DEAF, was_delivering=False), CHAT) == []


@pytest.mark.parametrize(("since", "is_reported"), [("before", True), ("after", False)])
def test_a_repeat_after_a_disturbance_counts_only_if_it_was_sent_after_the_disturbance(
    since: str, is_reported: bool
) -> None:
    room = Room(QUIET_CHAT)
    first, second = room.join(), room.join()
    before_ns = room.tick()
    sequence = room.publish(first)
    room.receive(second, first, sequence)
    after_ns = room.tick()
    history = room.history()
    findings = judge_repeats(history, before_ns if since == "before" else after_ns, "docker restart redis", QUIET_CHAT)
    assert [each.check for each in findings] == (["recovery"] if is_reported else [])
    if is_reported:
        assert findings[0].explanation.startswith("After the disturbance ('docker restart redis')")

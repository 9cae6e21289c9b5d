"""Tests of histories of several processes as one. Member 0 of the first is id 100, of the second id 200."""

from __future__ import annotations

from dataclasses import replace

from wsproof import Audience, Contract, Order
from wsproof.checks import run_checks
from wsproof.model.expected import expected_deliveries
from wsproof.model.history import (
    Damage,
    Departure,
    History,
    Member,
    Part,
    PresenceNotice,
    ProtocolNote,
    Recorder,
    Tick,
    UnexpectedMessage,
)
from wsproof.model.joined_history import HistoryPart, join_histories
from wsproof.model.plan import Phase

CHAT = Contract(channel="chat", audience=Audience.EVERYONE, order=Order.PER_PUBLISHER, leaves=True)
FIRST, SECOND = 100, 200


def recorder(first: int, *, start_ns: int = 1_000) -> Recorder:
    """Return the recorder of a process with two members that joined at 500."""
    made = Recorder(start_ns=start_ns, end_ns=9_000, drained_ns=10_000)
    made.members = [Member(n, f"{first + n}", connect_ns=1, connected_ns=400, in_ns=500) for n in (0, 1)]
    return made


def exchange(first_process: Recorder, second_process: Recorder, rounds: int = 3) -> None:
    """Let member 0 of each process publish, and all four members receive each publication."""
    for sequence in range(rounds):
        for speaker, its_first in ((first_process, FIRST), (second_process, SECOND)):
            at_ns = 2_000 + 100 * sequence
            speaker.published(0, sequence, at_ns, at_ns + 1)
            for process, first in ((first_process, FIRST), (second_process, SECOND)):
                for member in (0, 1):
                    process.received(member, its_first - first, sequence, at_ns, at_ns + 10)


def joined(first_process: Recorder, second_process: Recorder, *, complete_until_ns: int = 10_000) -> History:
    parts = [
        HistoryPart(FIRST, first_process.freeze(), complete_until_ns),
        HistoryPart(SECOND, second_process.freeze(), 10_000),
    ]
    return join_histories(parts)


def without(process: Recorder, member: int, publisher: int, sequence: int) -> None:
    """Remove the receipt of a message."""
    columns = process.receipts.data
    rows = zip(columns["subscriber"], columns["publisher"], columns["sequence"], strict=True)
    at = list(rows).index((member, publisher, sequence))
    for column in columns.values():
        del column[at]


def test_every_member_of_each_process_is_expected_to_receive_from_both() -> None:
    first_process, second_process = recorder(FIRST), recorder(SECOND)
    exchange(first_process, second_process)
    history = joined(first_process, second_process)
    assert [member.name for member in history.members] == ["100", "101", "200", "201"]
    assert expected_deliveries(history, CHAT).expected.tolist() == [4] * 6
    assert run_checks(history, CHAT) == []


def test_a_message_that_is_lost_between_two_processes_is_missing() -> None:
    first_process, second_process = recorder(FIRST), recorder(SECOND)
    exchange(first_process, second_process)
    without(second_process, 1, FIRST - SECOND, 1)
    (finding,) = run_checks(joined(first_process, second_process), CHAT)
    assert finding.check == "lost"
    assert "201" in finding.explanation


def test_members_do_not_expect_publications_of_a_process_that_has_ended() -> None:
    first_process, second_process = recorder(FIRST), recorder(SECOND)
    exchange(first_process, second_process)
    history = join_histories([HistoryPart(FIRST, first_process.freeze(), 10_000)])
    assert len(history.receipts) == 6  # Publications of its own publisher are still received.
    assert run_checks(history, CHAT) == []


def test_a_publication_after_the_end_of_one_process_is_expected_by_nobody() -> None:
    first_process, second_process = recorder(FIRST), recorder(SECOND)
    exchange(first_process, second_process)
    without(first_process, 1, SECOND - FIRST, 2)
    assert run_checks(joined(first_process, second_process, complete_until_ns=2_150), CHAT) == []
    assert [finding.check for finding in run_checks(joined(first_process, second_process), CHAT)] == ["lost"]


def test_the_window_begins_when_it_has_begun_in_all_processes() -> None:
    first_process, second_process = recorder(FIRST), recorder(SECOND, start_ns=2_050)
    exchange(first_process, second_process)
    history = joined(first_process, second_process)
    assert history.start_ns == 2_050
    phases = [Phase.WARMUP, Phase.MEASURED, Phase.MEASURED]
    assert history.publications.phase.tolist() == phases * 2


def test_a_leave_notice_of_the_other_process_counts() -> None:
    first_process, second_process = recorder(FIRST), recorder(SECOND)
    second_process.members[1] = replace(second_process.members[1], left_ns=3_000, departure=Departure.CLOSED)
    for process, member in ((first_process, 0), (first_process, 1), (second_process, 0)):
        process.notices.append(PresenceNotice(member, "201", True, 3_100))
    first_process.notices.append(PresenceNotice(0, "a member of another run", True, 3_100))
    assert run_checks(joined(first_process, second_process), CHAT) == []
    first_process.notices = first_process.notices[1:]
    assert [finding.check for finding in run_checks(joined(first_process, second_process), CHAT)] == ["missing-leave"]


def test_a_departure_after_one_process_has_ended_its_drain_is_left_out() -> None:
    first_process, second_process = recorder(FIRST), recorder(SECOND)
    second_process.members[1] = replace(second_process.members[1], left_ns=9_000, departure=Departure.CLOSED)
    second_process.notices.append(PresenceNotice(0, "201", True, 9_100))
    exchange(first_process, second_process)
    assert run_checks(joined(first_process, second_process, complete_until_ns=8_000), CHAT) == []


def test_all_other_entries_of_the_history_have_the_joined_numbers_of_members() -> None:
    first_process, second_process = recorder(FIRST), recorder(SECOND)
    second_process.ticks.append(Tick(1, 3_000, {"n": 1}))
    second_process.protocol.append(ProtocolNote(1, "masked", "5.1", "violation", "It was masked.", "81"))
    second_process.damage.append(Damage(FIRST - SECOND, 0, Part.TEXT, "a", "b"))
    second_process.unexpected += [
        UnexpectedMessage(0, 3_000, "what?"),
        UnexpectedMessage(0, 3_000, "of another run", 5_000, 0),
    ]
    first_process.refused(1, 0, 503, "503 busy")
    second_process.refused(1, 4, 503, "503 busy")
    second_process.ignore("ping")
    history = joined(first_process, second_process)
    assert [tick.subscriber for tick in history.ticks] == [3]
    assert [note.subscriber for note in history.protocol] == [3]
    assert [each.publisher for each in history.damage] == [0]
    assert [each.text for each in history.unexpected] == ["what?"]
    assert [(each.count, each.publisher) for each in history.refusals] == [(2, 1)]
    assert (history.ignored, history.ignored_text) == (1, "ping")


def test_a_damaged_message_of_an_unknown_publisher_is_kept() -> None:
    first_process, second_process = recorder(FIRST), recorder(SECOND)
    first_process.received(0, 77_777, 0, 2_000, 2_100, intact=False)
    first_process.received(0, 77_777, 0, 2_000, 2_100)
    assert joined(first_process, second_process).receipts.publisher.tolist() == [-1]

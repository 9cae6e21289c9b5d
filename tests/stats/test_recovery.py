"""Tests of the recovery of users whose connections the server has ended."""

from __future__ import annotations

import pytest

from wsproof.model.history import Departure, History, Member, Recorder
from wsproof.model.load_summary import Recovery
from wsproof.model.nanoseconds import NS
from wsproof.stats.recovery import recovery_of, users_cut_off


def seconds(value: float) -> int:
    return int(value * NS)


def history(*members: Member, received_s: tuple[float, ...] = (), due_s: tuple[float, ...] = ()) -> History:
    """Return a history with a window of ten seconds. Member 0 publishes, and receives its own publications."""
    recorder = Recorder(start_ns=seconds(100), end_ns=seconds(110), drained_ns=seconds(111))
    recorder.members = list(members)
    for sequence, at_s in enumerate(due_s):
        recorder.published(0, sequence, seconds(at_s), seconds(at_s))
    for sequence, at_s in enumerate(received_s):
        recorder.received(0, 0, sequence, seconds(at_s), seconds(at_s))
    return recorder.freeze()


def dropped(number: int, left_s: float, replaces: int = -1, in_s: float = 101) -> Member:
    return Member(
        number,
        f"{number}",
        in_ns=seconds(in_s),
        left_ns=seconds(left_s),
        departure=Departure.DROPPED,
        replaces=replaces,
    )


def back(number: int, in_s: float, replaces: int) -> Member:
    return Member(number, f"{number}", in_ns=seconds(in_s), replaces=replaces)


def test_a_history_without_a_returning_user_has_no_recovery() -> None:
    assert recovery_of(history(dropped(0, 103), Member(1, "1"))) is None


def test_users_that_only_come_and_go_have_no_recovery() -> None:
    former = Member(0, "0", in_ns=seconds(101), left_ns=seconds(103), departure=Departure.CLOSED)
    assert recovery_of(history(former, back(1, 104, 0))) is None


def test_a_user_that_returns_is_not_cut_off() -> None:
    members = dropped(0, 103), dropped(1, 103), back(2, 104, 0), dropped(3, 110.5)
    assert users_cut_off(history(*members)) == 1


def test_each_user_recovers_when_it_receives_again() -> None:
    members = dropped(0, 103), dropped(1, 103), back(2, 104, 0), back(3, 106, 1)
    recovery = recovery_of(history(*members))
    assert recovery == Recovery(2, 2, seconds(2), seconds(3), 0)


def test_a_user_that_has_not_returned_has_not_recovered() -> None:
    members = dropped(0, 103), dropped(1, 103), back(2, 104, 0), Member(3, "3", replaces=1), dropped(4, 103)
    recovery = recovery_of(history(*members))
    assert recovery is not None
    assert (recovery.ended, recovery.returned, recovery.longest_ns) == (3, 1, seconds(1))


def test_a_connection_that_received_nothing_is_no_return() -> None:
    members = dropped(0, 103), dropped(1, 104, replaces=0, in_s=0), back(2, 105.5, 1)
    assert recovery_of(history(*members)) == Recovery(1, 1, seconds(2.5), seconds(2.5), 0)


def test_the_silence_is_the_longest_time_in_which_publications_were_due() -> None:
    members = dropped(0, 103), back(1, 106, 0)
    received_s, due_s = (101, 102, 103, 106, 107), (100.5, 101.5, 102.5, 103.5, 104.5, 105.5, 106.5)
    recovery = recovery_of(history(*members, received_s=received_s, due_s=due_s))
    assert recovery is not None
    assert recovery.silent_ns == seconds(3)  # In the 3 s after 107 nothing was due.


@pytest.mark.parametrize(
    ("recovery", "sentence"),
    [
        (
            Recovery(20, 20, seconds(0.8), seconds(2.1), seconds(1.9)),
            "the server ended the connection of a user 20 times; all users received messages again, after 0.8 s in the "
            "median and 2.1 s at most; for 1.9 s no user received a message that was due",
        ),
        (
            Recovery(1, 1, seconds(0.8), seconds(0.8), 0),
            "the server ended the connection of a user once; the user received messages again, after 0.8 s",
        ),
        (
            Recovery(3, 2, seconds(1), seconds(1), 0),
            "the server ended the connection of a user 3 times; 2 of them received messages again, after 1.0 s in the "
            "median and 1.0 s at most",
        ),
        (
            Recovery(3, 0, 0, 0, seconds(5)),
            "the server ended the connection of a user 3 times, and no user has come back; for 5.0 s no user received "
            "a message that was due",
        ),
    ],
)
def test_a_recovery_is_described_in_a_sentence(recovery: Recovery, sentence: str) -> None:
    assert recovery.sentence() == sentence
    assert Recovery.from_json(recovery.to_json()) == recovery

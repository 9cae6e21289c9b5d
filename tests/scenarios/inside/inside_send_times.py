"""Tests of the intended times of publications."""

from __future__ import annotations

from wsproof.locust.pacer import SendTimes

MS = 1_000_000


def test_the_first_slot_is_the_time_of_the_first_question_and_the_gaps_are_equal() -> None:
    slots = SendTimes(rate_hz=20)
    times = []
    for _ in range(4):
        times.append(slots.next_ns(now_ns=7))
        slots.take()
    assert times == [7, 7 + 50 * MS, 7 + 100 * MS, 7 + 150 * MS]


def test_a_slot_keeps_its_time_until_a_user_takes_it() -> None:
    slots = SendTimes(rate_hz=10)
    slots.next_ns(0)
    slots.take()
    assert slots.next_ns(100 * MS) == slots.next_ns(900 * MS) == 100 * MS


def test_a_slot_that_no_user_takes_in_time_is_overdue() -> None:
    slots = SendTimes(rate_hz=10)
    assert slots.overdue(10**12) == 0
    slots.next_ns(0)
    slots.take()
    assert slots.overdue(99 * MS) == 0
    assert slots.overdue(350 * MS) == 3


def test_a_restart_discards_slots_that_were_due_without_users() -> None:
    slots = SendTimes(rate_hz=10)
    slots.next_ns(0)
    slots.restart()
    assert slots.next_ns(900 * MS) == 900 * MS
    assert slots.overdue(900 * MS) == 1


def test_a_burst_has_three_publications_at_once() -> None:
    slots = SendTimes(rate_hz=1000)
    times = []
    for _ in range(41):
        times.append(slots.next_ns(0) // MS)
        slots.take()
    assert times[:18] == list(range(18))
    assert times[17:21] == [17, 17, 17, 20]
    assert times[37:] == [37, 37, 37, 40]


def test_a_burst_does_not_change_what_is_overdue_at_its_end() -> None:
    slots = SendTimes(rate_hz=1000)
    for _ in range(20):
        slots.next_ns(0)
        slots.take()
    assert slots.overdue(19 * MS) == 0
    assert slots.overdue(20 * MS) == 1


def test_another_rate_counts_from_the_next_intended_time() -> None:
    slots = SendTimes(100)
    assert slots.next_ns(1_000) == 1_000
    slots.take()
    assert slots.next_ns(2_000) == 10_001_000
    slots.change_rate(1_000, now_ns=2_000)
    times = []
    for _ in range(3):
        times.append(slots.next_ns(2_000))
        slots.take()
    assert times == [10_001_000, 11_001_000, 12_001_000]
    assert slots.overdue(12_001_000) == 0


def test_a_rate_may_change_before_the_first_publication() -> None:
    slots = SendTimes(100)
    slots.change_rate(1_000, now_ns=1_000)
    assert slots.next_ns(5_000) == 5_000

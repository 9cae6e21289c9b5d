"""Tests of the violations that are certain while a test runs. No sockets, no server, no clock."""

from __future__ import annotations

from collections.abc import Sequence

from wsproof.locust.live_checks import WAIT_NS, LiveChecks, Overdue
from wsproof.model.finding import Anomaly
from wsproof.model.history import Kind, UnexpectedMessage

Row = tuple[int, int, int, int, int]


def receipts(*sequences: int, member: int = 0, publisher: int = 5, kind: Kind = Kind.DELIVERY) -> list[Row]:
    """Return intact receipts in this order."""
    return [(member, publisher, sequence, kind, 1) for sequence in sequences]


def counts(*rows: Row, is_ordered: bool = True) -> dict[Anomaly, int]:
    checks = LiveChecks(is_ordered=is_ordered)
    checks.take(rows)
    return dict(checks.counts)


def late(sequence: int, *members: int, age_ns: int = 2 * WAIT_NS) -> Overdue:
    return Overdue(Kind.DELIVERY, 5, sequence, members, age_ns)


def lost_after_checks(rows: Sequence[Row], *overdue: Overdue, rounds: int = 2, is_ordered: bool = True) -> int:
    """Return the number of lost messages after this many searches."""
    checks = LiveChecks(is_ordered=is_ordered)
    checks.take(rows)
    for _ in range(rounds):
        checks.look_for_lost(overdue)
    return checks.counts[Anomaly.LOST]


def test_messages_in_order_are_no_violation() -> None:
    assert counts(*receipts(3, 4, 5), *receipts(0, 1, member=1), *receipts(9, publisher=6)) == {}


def test_a_second_receipt_is_a_duplicate_and_the_reply_to_the_same_message_is_none() -> None:
    assert counts(*receipts(3, 4, 3)) == {Anomaly.DUPLICATED: 1}
    assert counts(*receipts(3, 4), *receipts(3, 4, kind=Kind.REPLY)) == {}
    assert counts(*receipts(3, 3, 3)) == {Anomaly.DUPLICATED: 2}


def test_a_late_message_is_reordered_only_where_the_order_is_promised() -> None:
    assert counts(*receipts(3, 5, 4)) == {Anomaly.REORDERED: 1}
    assert counts(*receipts(3, 5, 4), is_ordered=False) == {}
    assert counts(*receipts(3, 5, 4, 4)) == {Anomaly.REORDERED: 1, Anomaly.DUPLICATED: 1}


def test_a_history_that_a_new_member_gets_after_its_first_message_is_left_to_the_final_checks() -> None:
    assert counts(*receipts(10, 1, 2, 3)) == {}


def test_a_changed_message_is_only_corrupt() -> None:
    assert counts((0, 5, 1, Kind.DELIVERY, 0), *receipts(1, 2)) == {Anomaly.CORRUPT: 1}


def test_a_changed_message_has_arrived_and_is_not_lost() -> None:
    changed = (0, 5, 4, Kind.DELIVERY, 0)
    assert lost_after_checks([*receipts(3), changed, *receipts(5)], late(4, 0)) == 0
    assert lost_after_checks([*receipts(3, 5), changed], late(4, 0)) == 0
    assert lost_after_checks([*receipts(3), changed, *receipts(6)], late(4, 0), late(5, 0)) == 1


def test_a_message_that_arrived_in_an_unknown_format_is_not_lost() -> None:
    checks = LiveChecks(is_ordered=True)
    checks.take(receipts(3, 6))
    checks.take_unplaced([UnexpectedMessage(0, 1, "{}", 5, 4), UnexpectedMessage(0, 1, "maintenance")])
    for _ in range(2):
        checks.look_for_lost([late(4, 0), late(5, 0)])
    assert dict(checks.counts) == {Anomaly.LOST: 1}


def test_a_message_that_a_newer_one_overtook_is_lost_at_the_second_search() -> None:
    assert lost_after_checks(receipts(3, 5), late(4, 0), rounds=1) == 0
    assert lost_after_checks(receipts(3, 5), late(4, 0)) == 1
    assert lost_after_checks(receipts(3, 5), late(4, 0), rounds=5) == 1


def test_a_message_that_may_still_arrive_is_not_lost() -> None:
    assert lost_after_checks(receipts(3), late(4, 0)) == 0  # no newer receipt: the server may be slow
    assert (
        lost_after_checks([*receipts(3), *receipts(3, 4, 5, member=1)], late(4, 0)) == 0
    )  # only another member has newer ones
    assert lost_after_checks(receipts(3, 5), late(4, 0, age_ns=WAIT_NS - 1)) == 0
    assert lost_after_checks(receipts(3, 5), late(4, 0), is_ordered=False) == 0
    assert lost_after_checks(receipts(3, 5), late(4)) == 0  # no delivery is outstanding


def test_a_message_that_arrives_between_two_searches_is_reordered_and_not_lost() -> None:
    checks = LiveChecks(is_ordered=True)
    checks.take(receipts(3, 5))
    checks.look_for_lost([late(4, 0)])
    checks.take(receipts(4))
    checks.look_for_lost([late(4, 0)])
    assert dict(checks.counts) == {Anomaly.REORDERED: 1}


def test_the_first_violation_of_each_kind_is_described_in_a_sentence() -> None:
    checks = LiveChecks(is_ordered=True)
    checks.take(receipts(3, 4, 3, 4))
    assert checks.violations() == {Anomaly.DUPLICATED: (2, "member 0 received message 3 of member 5 twice")}

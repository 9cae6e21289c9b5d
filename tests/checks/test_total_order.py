"""Tests of the total order: the choice of reference members, and the disagreements that they reveal."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from tests.checks.histories import CHAT, MS
from wsproof.checks import total_order
from wsproof.checks.total_order import agreed_order
from wsproof.model.history import History, Member, Recorder


def members_that_received(*orders: str) -> History:
    """Return members that received these publications in this order. Each letter is a publisher's only message."""
    recorder = Recorder()
    letters = sorted(set("".join(orders)))
    for number in range(max(len(orders), len(letters))):
        recorder.members.append(Member(number, str(number), in_ns=MS))
    for publisher in range(len(letters)):
        recorder.published(publisher, 0, MS, MS)
    for place in range(max(len(order) for order in orders)):
        for member, order in enumerate(orders):
            if place < len(order):
                recorder.received(member, letters.index(order[place]), 0, MS, (2 + place) * MS)
    return recorder.freeze()


@pytest.mark.parametrize(
    ("orders", "words"),
    [
        (("abcd", "acbd"), "member 0 received message 0 of member 1 before message 0 of member 2; member 1 received"),
        # The first received the most, but neither a nor b. The second is no subsequence of it, so it is a reference.
        (("cdefgh", "abc", "ba"), "member 1 received message 0 of member 0 before message 0 of member 1; member 2"),
        # The second is a subsequence of the first, so the third is reported to disagree with the first.
        (("abcd", "abd", "dc"), "member 0 received message 0 of member 2 before message 0 of member 3; member 2"),
    ],
)
def test_conflicting_orders_are_found_with_any_of_the_members_as_reference(orders: tuple[str, ...], words: str) -> None:
    (finding,) = agreed_order(members_that_received(*orders), CHAT)
    assert finding.explanation.startswith(words)


def test_subsequences_of_one_order_agree() -> None:
    assert agreed_order(members_that_received("abcdef", "abc", "def", "ace", "f", ""), CHAT) == []


def test_the_number_of_reference_members_is_bounded() -> None:
    history = members_that_received("cdefgh", "abc", "ba")
    assert agreed_order(history, CHAT)
    with patch.object(total_order, "REFERENCES", 1):
        assert agreed_order(history, CHAT) == []

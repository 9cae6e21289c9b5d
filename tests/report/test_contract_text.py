"""Tests of contracts as sentences, as in `wsproof list workloads`."""

from __future__ import annotations

from math import inf

import pytest

from wsproof import Audience, Contract, Feed, Order, Range, Resume
from wsproof.report.text.contract import promises


def test_each_promise_is_a_sentence() -> None:
    contract = Contract(
        "chat", Audience.OTHERS, agreed_order=True, replies=True, leaves=True, resume=Resume.SINCE_LAST, public=True
    )
    assert promises(contract) == (
        "All other members of a room receive what a member publishes.",
        "Messages of one publisher arrive in the order in which they were published.",
        "The same order for all members is expected; a breach counts with --strict only.",
        "The server replies to each publication, and only to its publisher.",
        "When a member leaves, in whatever way, the server notifies the others in its room once.",
        "A member that comes back gets all messages after the last one that it received.",
        "Anybody may listen.",
    )


def test_a_contract_without_a_promise_for_last_messages_says_so() -> None:
    sentence = "What a member sends right before it leaves may be lost."
    contract = Contract("chat", Audience.EVERYONE, last_messages=False)
    assert sentence in promises(contract)
    assert sentence not in promises(Contract("chat", Audience.EVERYONE))


def test_a_feed_promises_objects_and_no_publications() -> None:
    feed = Contract("load", Audience.NOBODY, Order.NONE, feed=Feed(0.5, (("cpu", Range(0, 100)),)))
    assert promises(feed) == ("The server sends all viewers the same object every 0.5 s, with cpu (0 to 100).",)


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (Range(0, 100), "0 to 100"),
        (Range(0, inf), "at least 0"),
        (Range(-inf, 5), "at most 5"),
        (Range(-inf, inf), "any number"),
    ],
)
def test_the_range_of_a_field_is_said_in_words(limits: Range, sentence: str) -> None:
    feed = Contract("dashboard", Audience.NOBODY, feed=Feed(2.0, (("users", limits),)))
    assert promises(feed) == (f"The server sends all viewers the same object every 2 s, with users ({sentence}).",)


def test_a_feed_without_described_fields_says_only_its_period() -> None:
    feed = Contract("clock", Audience.NOBODY, feed=Feed(1.0, ()))
    assert promises(feed) == ("The server sends all viewers the same object every 1 s.",)

"""Tests of the pacer that keeps publications within the rate limit of the contract."""

from __future__ import annotations

from wsproof import RateLimit
from wsproof.delivery.rate_pacer import RatePacer, source_of
from wsproof.delivery.sent_messages import SentMessage
from wsproof.model.nanoseconds import NS
from wsproof.net.endpoint import Endpoint

HERE, THERE = "127.10.1.1", "127.10.1.2"


def a_pacer(unconfirmed_s: float = 5.0) -> RatePacer:
    return RatePacer(RateLimit(messages=2, window_s=1.0), unconfirmed_s)


def sent_message(at_s: float, received_s: float = 0.0) -> SentMessage:
    return SentMessage(0, 0, int(at_s * NS), heard_ns=int(received_s * NS))


def test_no_more_than_the_limit_is_allowed_in_any_window_after_the_receipts() -> None:
    pacer = a_pacer()
    pacer.count(HERE, sent_message(1.0, received_s=1.1))
    assert pacer.allows(HERE, int(1.2 * NS))
    pacer.count(HERE, sent_message(1.2, received_s=3.0))
    assert not pacer.allows(HERE, int(2.0 * NS))
    assert pacer.allows(HERE, int(2.2 * NS))


def test_a_server_that_has_stalled_gets_no_more_than_the_limit_afterwards() -> None:
    pacer = a_pacer()
    for at_s in (1.0, 1.1):
        pacer.count(HERE, sent_message(at_s))
    assert not pacer.allows(HERE, 4 * NS)
    assert pacer.allows(HERE, int(7.2 * NS))


def test_each_address_has_its_own_limit() -> None:
    pacer = a_pacer()
    for at_s in (1.0, 1.1):
        pacer.count(HERE, sent_message(at_s))
    assert pacer.allows(THERE, int(1.2 * NS))


def test_all_members_have_one_address_for_a_server_on_another_host() -> None:
    assert source_of(3, Endpoint("192.0.2.1", 80)) == ""
    assert source_of(3, Endpoint("127.0.0.1", 80, unix="/socket")) == ""

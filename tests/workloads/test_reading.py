"""Tests that the tutorial's message format is parsed, and no other."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsproof import Envelope, MessageKind, Parsed, Workload
from wsproof.workloads.chat import Chat
from wsproof.workloads.dashboard import Dashboard
from wsproof.workloads.echo import Echo

ENVELOPE = Envelope(publisher=6, sequence=3, intended_ns=123)
DIFFICULT_BODIES = [
    "",
    "\n",
    "a\nb\r\n",
    "Client #9 says: x",
    "Client #9 left the chat",
    "You: ",
    " says: ",
    "\0",
    "\ufeffbom",
    "😀",
]


def assert_intact(reading: Parsed, word: MessageKind) -> None:
    assert reading.kind is word
    assert reading.envelope is not None
    assert reading.envelope.intact
    assert reading.envelope.envelope == ENVELOPE


@pytest.mark.parametrize("body", DIFFICULT_BODIES)
def test_a_delivery_is_parsed_with_any_body(body: str) -> None:
    reading = Chat().read(0, f"Client #7 says: {ENVELOPE.seal(body)}")
    assert_intact(reading, MessageKind.DELIVERY)
    assert reading.publisher == "7"


@pytest.mark.parametrize("words", ["You: ", "You wrote: "])
@pytest.mark.parametrize("body", DIFFICULT_BODIES)
def test_a_reply_is_parsed_with_any_body(body: str, words: str) -> None:
    assert_intact(Chat().read(6, f"{words}{ENVELOPE.seal(body)}"), MessageKind.REPLY)


@given(name=st.text(max_size=20), body=st.text(max_size=200))
def test_names_and_bodies_may_be_any_text(name: str, body: str) -> None:
    reading = Chat().read(0, f"Client #{name} says: {ENVELOPE.seal(body)}")
    assert_intact(reading, MessageKind.DELIVERY)
    assert reading.publisher == name


def test_a_delivery_without_an_envelope_keeps_its_text() -> None:
    reading = Chat().read(0, "Client #7 says: ")
    assert (reading.kind, reading.envelope, reading.publisher, reading.text) == (MessageKind.DELIVERY, None, "7", "")


def test_text_inserted_into_a_message_makes_it_damaged() -> None:
    for workload, message in (
        (Chat(), f"You: oh {ENVELOPE.seal('hello')}"),
        (Echo(), f"Message received: oh {ENVELOPE.seal('hello')}"),
        (Chat(), f"Client #7 says: oh {ENVELOPE.seal('hello')}"),
    ):
        opened = workload.read(6, message).envelope
        assert opened is not None
        assert not opened.intact


def test_a_changed_letter_makes_the_message_damaged() -> None:
    reading = Chat().read(0, f"Client #7 says: {ENVELOPE.seal('hello').replace('hello', 'hallo')}")
    assert reading.kind is MessageKind.DELIVERY
    assert reading.envelope is not None
    assert not reading.envelope.intact


def test_a_leave_notice_names_the_member_that_left() -> None:
    reading = Chat().read(0, "Client #7 left the chat")
    assert (reading.kind, reading.member) == (MessageKind.LEAVE, "7")


@pytest.mark.parametrize(
    "message", ["", "hello", "client #7 says: x", "Client 7 says: x", " You: x", b"Client #7 says: x"]
)
def test_an_unknown_chat_message_is_unexpected(message: str | bytes) -> None:
    assert Chat().read(0, message).kind is MessageKind.UNEXPECTED


def test_an_echo_is_a_delivery_to_its_publisher() -> None:
    assert_intact(Echo().read(6, f"Message received: {ENVELOPE.seal('hi')}"), MessageKind.DELIVERY)
    assert Echo().read(6, "message received: hi").kind is MessageKind.UNEXPECTED
    assert Echo().read(6, b"Message received: hi").kind is MessageKind.UNEXPECTED


def test_only_a_json_object_is_a_tick() -> None:
    feed = Dashboard()
    assert feed.read(0, '{"cpu_usage": 3}').value == {"cpu_usage": 3}
    for message in ("[1]", "3", "nonsense", "", "[" * 100_000):
        reading = feed.read(0, message)
        assert (reading.kind, reading.value) == (MessageKind.TICK, None)
    assert feed.read(0, b"{}").kind is MessageKind.UNEXPECTED


def test_nan_is_parsed_and_left_to_the_checks() -> None:
    value = Dashboard().read(0, json.dumps({"cpu_usage": math.nan})).value
    assert value is not None
    assert math.isnan(value["cpu_usage"])


@pytest.mark.parametrize("workload", [Echo(), Chat(), Dashboard()])
@given(message=st.text() | st.binary())
def test_reading_never_raises(workload: Workload, message: str | bytes) -> None:
    assert isinstance(workload.read(0, message), Parsed)


def test_names_in_the_url_are_percent_encoded() -> None:
    chat = Chat({"prefix": "é/ ?#%"}, base=5)
    assert chat.name_of(2) == "é/ ?#%7"
    assert chat.path(2) == "/ws/%C3%A9%2F%20%3F%23%257"
    assert Chat(base=5).path(2) == "/ws/7"

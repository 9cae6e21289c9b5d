"""Tests of text, JSON and binary messages: key and time are at a fixed distance from the end."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsproof import Envelope, MessageKind, Parsed, UsageError, Workload
from wsproof.workloads.chat import Chat
from wsproof.workloads.echo import Echo, JsonEcho
from wsproof.workloads.formats import FORMATS, Format

ENVELOPE = Envelope(publisher=6, sequence=3, intended_ns=123)
BODIES = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def assert_intact(reading: Parsed, word: MessageKind = MessageKind.DELIVERY) -> None:
    assert reading.kind is word
    assert reading.envelope is not None
    assert reading.envelope.intact
    assert reading.envelope.envelope == ENVELOPE


@pytest.mark.parametrize("name", FORMATS)
@given(body=BODIES)
def test_a_sent_message_is_recognised_when_received(name: str, body: str) -> None:
    form = Format({"format": name}, "echo")
    message = form.publish(ENVELOPE, body)
    opened = form.open(message)
    assert opened is not None
    assert opened.intact
    assert (opened.envelope, opened.start) == (ENVELOPE, 0)


@given(body=BODIES)
def test_a_json_message_is_an_object_with_the_text(body: str) -> None:
    message = Format({"format": "json"}, "echo").publish(ENVELOPE, body)
    assert json.loads(message)["text"] == body


def test_a_json_message_that_was_serialized_again_is_not_intact() -> None:
    form = Format({"format": "json"}, "echo")
    again = json.dumps(json.loads(form.publish(ENVELOPE, "x")), separators=(",", ":"))
    opened = form.open(again)
    assert opened is not None
    assert not opened.intact


@pytest.mark.parametrize(
    ("workload", "before", "behind"),
    [
        (Echo({"format": "json"}), "Message received: ", ""),
        (Chat({"format": "json"}), "Client #7 says: ", ""),
        (JsonEcho(), '{"received": ', "}"),
    ],
)
def test_text_that_the_server_adds_is_stripped(workload: Workload, before: str, behind: str) -> None:
    message = workload.publish(6, ENVELOPE, 'say "hi"')
    assert isinstance(message, str)
    assert_intact(workload.read(0, before + message + behind))
    damaged = workload.read(0, f"{before}{message.replace('hi', 'ho')}{behind}")
    assert damaged.envelope is not None
    assert not damaged.envelope.intact


def test_a_reply_may_be_json() -> None:
    chat = Chat({"format": "json"})
    assert_intact(chat.read(6, f"You: {chat.publish(6, ENVELOPE, 'x')!s}"), MessageKind.REPLY)


def test_binary_is_echoed_unchanged_and_text_is_unexpected() -> None:
    echo = Echo({"format": "binary"})
    message = echo.publish(6, ENVELOPE, "x")
    assert isinstance(message, bytes)
    assert_intact(echo.read(6, message))
    assert echo.read(6, message.decode()).kind is MessageKind.UNEXPECTED
    words_in_front = echo.read(6, b"Message received: " + message).envelope
    assert words_in_front is not None
    assert not words_in_front.intact
    assert Echo().read(6, message).kind is MessageKind.UNEXPECTED


def test_any_other_json_is_unexpected_from_the_json_echo() -> None:
    assert JsonEcho().read(0, b"{}").kind is MessageKind.UNEXPECTED
    assert JsonEcho().read(0, '{"type": "error"}').kind is MessageKind.UNEXPECTED


def test_an_unsupported_format_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"expected chat\.format to be one of text, json, got 'binary'"):
        Chat({"format": "binary"})

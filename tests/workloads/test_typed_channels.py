"""Alerts and drawing of the reference server, as their workloads speak: pure, text in and values out."""

from __future__ import annotations

import json

import pytest

from wsproof.model.envelope import Envelope
from wsproof.workloads.alerts import Alerts
from wsproof.workloads.base import MessageKind
from wsproof.workloads.drawing import Drawing

ENVELOPE = Envelope(publisher=1, sequence=2, intended_ns=3)


def test_an_alert_is_read_as_it_was_sent_and_its_publisher_acknowledges_it() -> None:
    alerts = Alerts()
    sent = json.loads(alerts.publish(1, ENVELOPE, "hello"))
    assert (sent["type"], sent["to"]) == ("send", "admins")
    heard = json.dumps({"type": "alert", "to": "admins", "seq": 7, "text": sent["text"], "sender": "admin"})
    parsed = alerts.read(1, heard)
    assert parsed.envelope is not None
    assert (parsed.kind, parsed.envelope.envelope, parsed.envelope.intact) == (MessageKind.DELIVERY, ENVELOPE, True)
    assert (parsed.needs_answer, alerts.read(0, heard).needs_answer) == (True, False)
    assert [json.loads(text) for text in alerts.answer(1, heard)] == [{"type": "acknowledge", "to": "admins", "seq": 7}]


@pytest.mark.parametrize("body", ["", "a", "ab", "é", "x" * 400])
def test_a_stroke_is_read_as_it_was_drawn_and_its_author_undoes_it(body: str) -> None:
    drawing = Drawing()
    sent = json.loads(drawing.publish(1, ENVELOPE, body))
    assert (len(sent["points"]) % 2, max(sent["points"]) < 256, len(sent["points"]) <= 512) == (0, True, True)
    heard = json.dumps({"type": "stroke", "by": drawing.name_of(1), "id": sent["id"], "points": sent["points"]})
    parsed = drawing.read(1, heard)
    assert parsed.envelope is not None
    assert (parsed.kind, parsed.envelope.envelope, parsed.envelope.intact) == (MessageKind.DELIVERY, ENVELOPE, True)
    assert (parsed.needs_answer, drawing.read(0, heard).needs_answer) == (True, False)
    assert [json.loads(text) for text in drawing.answer(1, heard)] == [{"type": "undo", "id": sent["id"]}]


@pytest.mark.parametrize("message", ['{"type": "error"}', "not JSON", '{"type": "stroke", "points": [256, 0]}', "[]"])
def test_what_the_channels_never_send_is_unexpected(message: str) -> None:
    assert Alerts().read(0, message).kind is MessageKind.UNEXPECTED
    assert Drawing().read(0, message).kind is MessageKind.UNEXPECTED


def test_what_no_promise_covers_is_ignored() -> None:
    for kind in ("welcome", "unread", "sent", "acknowledged"):
        assert Alerts().read(0, json.dumps({"type": kind})).kind is MessageKind.IGNORED
    for kind in ("welcome", "board", "undone", "members"):
        assert Drawing().read(0, json.dumps({"type": kind})).kind is MessageKind.IGNORED
    assert Drawing().read(0, b"\x01").kind is MessageKind.IGNORED


def test_a_ping_is_answered_so_that_a_member_that_only_listens_is_kept() -> None:
    ping = json.dumps({"type": "ping", "id": 0})
    for channel in (Alerts(), Drawing()):
        assert channel.read(0, ping).needs_answer
        assert [json.loads(text) for text in channel.answer(0, ping)] == [{"type": "pong"}]

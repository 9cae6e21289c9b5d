"""Tests of the workloads for the reference server's alerts, drawing and game, as pure functions."""

from __future__ import annotations

import json

import pytest

from wsproof import Envelope, JoinRefused, MessageKind, Send, Wait
from wsproof.workloads.alerts import Alerts
from wsproof.workloads.drawing import Drawing
from wsproof.workloads.game import Game
from wsproof.workloads.rooms import Rooms

ENVELOPE = Envelope(publisher=1, sequence=2, intended_ns=3)


def test_an_alert_is_parsed_as_sent_and_its_publisher_acknowledges_it() -> None:
    alerts = Alerts()
    sent = json.loads(alerts.publish(1, ENVELOPE, "hello"))
    assert (sent["type"], sent["to"]) == ("send", "admins")
    received = json.dumps({"type": "alert", "to": "admins", "seq": 7, "text": sent["text"], "sender": "admin"})
    parsed = alerts.read(1, received)
    assert parsed.envelope is not None
    assert (parsed.kind, parsed.envelope.envelope, parsed.envelope.intact) == (MessageKind.DELIVERY, ENVELOPE, True)
    assert parsed.text == ENVELOPE.seal("hello"), "the number in front is no part of the published text"
    assert alerts.read(0, received) == parsed, "all members that receive the same bytes may share one parsed message"
    assert [json.loads(text) for text in alerts.answer(1, received)] == [
        {"type": "acknowledge", "to": "admins", "seq": 7}
    ]
    assert list(alerts.answer(0, received)) == [], "no member acknowledges the alert of another"
    assert list(alerts.answer(11, received)) == [], "nor does a member whose number begins in the same way"


def test_a_text_that_was_inserted_into_an_alert_is_damage() -> None:
    alerts = Alerts()
    sent = json.loads(alerts.publish(1, ENVELOPE, "hello"))["text"]
    for text in (sent.replace("hello", "-hello"), f"{sent[:3]}more {sent[3:]}"):
        parsed = alerts.read(0, json.dumps({"type": "alert", "to": "admins", "seq": 7, "text": text}))
        assert parsed.envelope is not None
        assert not parsed.envelope.intact


@pytest.mark.parametrize("body", ["", "a", "ab", "é", "x" * 400])
def test_a_stroke_is_parsed_as_sent_and_its_author_undoes_it(body: str) -> None:
    drawing = Drawing()
    sent = json.loads(drawing.publish(1, ENVELOPE, body))
    assert (len(sent["points"]) % 2, max(sent["points"]) < 256, len(sent["points"]) <= 512) == (0, True, True)
    received = json.dumps({"type": "stroke", "by": drawing.name_of(1), "id": sent["id"], "points": sent["points"]})
    parsed = drawing.read(1, received)
    assert parsed.envelope is not None
    assert (parsed.kind, parsed.envelope.envelope, parsed.envelope.intact) == (MessageKind.DELIVERY, ENVELOPE, True)
    assert parsed.needs_answer, "all members that receive the same bytes may share one parsed message"
    assert [json.loads(text) for text in drawing.answer(1, received)] == [{"type": "undo", "id": sent["id"]}]
    assert list(drawing.answer(0, received)) == [], "no member undoes the stroke of another"


def test_a_turn_is_parsed_as_sent_and_numbers_ascend() -> None:
    game = Game()
    sent = [json.loads(game.publish(1, Envelope(1, sequence, 3), "hello")) for sequence in range(3)]
    assert [turn["seq"] for turn in sent] == [1, 2, 3]
    received = json.dumps(
        {"type": "turned", "tick": 9, "seat": 0, "seq": 3, "direction": "down", "note": sent[2]["note"]}
    )
    parsed = game.read(0, received)
    assert parsed.envelope is not None
    assert (parsed.kind, parsed.envelope.envelope, parsed.envelope.intact) == (
        MessageKind.DELIVERY,
        Envelope(1, 2, 3),
        True,
    )
    assert not parsed.needs_answer, "two connections of one name would answer each other's turns"


def stroke(name: str, *points: int, **more: object) -> dict[str, object]:
    look = {"by": "ada", "order": 1, "color": "#000000", "width": 4, "done": True, "undone": False}
    return {"id": name, "points": list(points), **look, **more}


def board(*strokes: dict[str, object], reset: bool = True) -> str:
    return json.dumps({"type": "board", "reset": reset, "more": False, "strokes": strokes})


def drawn(name: str, *points: int, **more: object) -> str:
    return json.dumps({"type": "stroke", **stroke(name, *points, **more)})


def undone(name: str) -> str:
    return json.dumps({"type": "undone", "id": name})


def test_the_picture_from_all_changes_equals_that_from_the_board_of_a_newcomer() -> None:
    drawing = Drawing()
    changes: list[str | bytes] = [board(), drawn("a", 1, 2), drawn("b", 3, 4), undone("a"), b"\x01"]
    assert drawing.state(0, changes) == drawing.state(1, [board(stroke("b", 3, 4))])
    assert drawing.state(0, changes) != drawing.state(1, [board(stroke("a", 1, 2), stroke("b", 3, 4))])
    assert drawing.state(0, changes) != drawing.state(1, [board(stroke("b", 3, 5))])
    pieces = [board(stroke("b", 3, 4)), board(stroke("a", undone=True), reset=False)]
    assert drawing.state(0, pieces) == drawing.state(0, changes)
    assert drawing.state(0, [drawn("a", 1, 2)]) is None, "no board has come yet"


def test_the_unread_alerts_from_all_messages_equal_those_from_the_list_of_a_newcomer() -> None:
    alerts = Alerts()

    def alert(number: int) -> dict[str, object]:
        return {"type": "alert", "to": "admins", "seq": number, "text": f"1: alert {number}"}

    def unread(*numbers: int) -> str:
        return json.dumps({"type": "unread", "alerts": [alert(number) for number in numbers]})

    read = json.dumps({"type": "acknowledged", "to": "admins", "seq": 7})
    received = [unread(7), json.dumps(alert(8)), read]
    assert alerts.state(0, received) == alerts.state(1, [unread(8)]) == {"admins 8": "1: alert 8"}
    assert alerts.state(0, received) != alerts.state(1, [unread(7, 8)])
    assert alerts.state(0, received[1:]) is None, "the list of unread alerts has not come yet"


def test_a_player_takes_a_seat_and_is_refused_without_a_free_one() -> None:
    seated, welcome = json.dumps({"type": "seated", "seat": 0}), json.dumps({"type": "welcome"})
    steps = Game().join(0)
    first, seat = next(steps), next(steps)
    assert isinstance(first, Send)
    assert json.loads(first.message)["type"] == "sit"
    assert isinstance(seat, Wait)
    assert (seat.until(welcome), seat.until(seated)) == (False, True)
    follow = steps.send(seated)
    assert follow == Send(json.dumps({"type": "follow"}))
    following = next(steps)
    assert isinstance(following, Wait)
    assert following.subscribes

    full = json.dumps({"type": "error", "code": "unavailable", "text": "All seats are taken."})
    unknown = json.dumps({"type": "error", "code": "unauthenticated", "text": "authenticate first"})
    assert (seat.until(full), seat.until(unknown)) == (True, False)
    steps = Game().join(0)
    next(steps), next(steps)
    with pytest.raises(JoinRefused, match="All seats are taken"):
        steps.send(full)


@pytest.mark.parametrize("message", ['{"type": "error"}', "not JSON", '{"type": "stroke", "points": [256, 0]}', "[]"])
def test_a_message_that_the_channels_never_send_is_unexpected(message: str) -> None:
    assert Alerts().read(0, message).kind is MessageKind.UNEXPECTED
    assert Drawing().read(0, message).kind is MessageKind.UNEXPECTED


def test_a_message_that_no_promise_covers_is_ignored() -> None:
    for kind in ("welcome", "unread", "sent", "acknowledged"):
        assert Alerts().read(0, json.dumps({"type": kind})).kind is MessageKind.IGNORED
    for kind in ("welcome", "board", "undone", "members"):
        assert Drawing().read(0, json.dumps({"type": kind})).kind is MessageKind.IGNORED
    assert Drawing().read(0, b"\x01").kind is MessageKind.IGNORED


def test_a_ping_is_answered_so_that_a_member_that_only_listens_is_kept() -> None:
    ping = json.dumps({"type": "ping", "id": 0})
    for channel in (Alerts(), Drawing(), Game()):
        assert channel.read(0, ping).needs_answer
        assert [json.loads(text) for text in channel.answer(0, ping)] == [{"type": "pong"}]


def test_the_users_of_a_room_from_all_notices_equal_those_from_the_list_of_a_newcomer() -> None:
    def listed(*users: str) -> str:
        return json.dumps({"type": "members", "users": users})

    def notice(event: str, user: str) -> str:
        return json.dumps({"type": "presence", "event": event, "user": user})

    rooms = Rooms()
    received = [listed("ada"), notice("join", "grace"), notice("join", "alan"), notice("leave", "ada")]
    assert rooms.state(0, received) == rooms.state(1, [listed("alan", "grace")])
    assert rooms.state(0, received) != rooms.state(1, [listed("ada", "alan", "grace")])
    assert rooms.state(0, received[1:]) is None, "the list has not come yet"

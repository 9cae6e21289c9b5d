"""Tests of the reference server's rooms as a workload: messages, users, and a run with the server."""

from __future__ import annotations

import json

import jwt
import pytest

from wsproof import Envelope, MessageKind, UsageError
from wsproof.checks import run_checks
from wsproof.load import run_plan
from wsproof.model.plan import Phase, Plan
from wsproof.model.reference_server import SECRET
from wsproof.target.server import serve
from wsproof.target.target import parse_target
from wsproof.workloads.rooms import Rooms

ENVELOPE = Envelope(publisher=1, sequence=3, intended_ns=123)
KEY = "a secret of at least thirty-two characters"


def test_a_published_message_is_parsed_as_a_delivery() -> None:
    rooms = Rooms()
    text = json.loads(rooms.publish(1, ENVELOPE, "hi\n"))["text"]
    message = {"type": "said", "seq": 4, "at": 1.5, "user": "member-2", "id": "1", "text": text}
    reading = rooms.read(0, json.dumps(message))
    assert (reading.kind, reading.publisher) == (MessageKind.DELIVERY, rooms.name_of(1))
    assert reading.envelope is not None
    assert reading.envelope.intact
    assert reading.envelope.envelope == ENVELOPE


@pytest.mark.parametrize(
    ("message", "word"),
    [
        ({"type": "presence", "event": "join", "user": "member-1"}, MessageKind.JOIN),
        ({"type": "presence", "event": "leave", "user": "member-1"}, MessageKind.LEAVE),
        ({"type": "ack", "id": "1", "seq": 1}, MessageKind.IGNORED),
        ({"type": "error", "code": "rate_limited"}, MessageKind.UNEXPECTED),
        ([1], MessageKind.UNEXPECTED),
    ],
)
def test_every_server_message_is_parsed(message: object, word: MessageKind) -> None:
    assert Rooms().read(0, json.dumps(message)).kind is word
    assert Rooms().read(0, "{").kind is MessageKind.UNEXPECTED


def test_each_run_has_its_own_ids_and_each_base_its_own_rooms() -> None:
    again = Envelope(1, 3, 124)
    assert json.loads(Rooms().publish(1, ENVELOPE, ""))["id"] != json.loads(Rooms().publish(1, again, ""))["id"]
    assert Rooms(base=1).path(0).partition("?")[0] != Rooms(base=50).path(0).partition("?")[0]


def test_each_member_has_a_token_that_the_server_would_have_issued(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, KEY)
    path, _, token = Rooms({"rooms": "2", "name": "hall"}).path(3).partition("?token=")
    assert path == "/rooms/hall-1-1"
    claims = jwt.decode(token, KEY, algorithms=["HS256"], audience="target_app", issuer="target_app")
    assert claims["sub"] == "member-4"


def test_without_a_secret_there_is_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, KEY)  # Deleting it first makes monkeypatch remove the value that the workload sets.
    monkeypatch.delenv(SECRET)
    assert "token" not in Rooms().path(0)
    environment = Rooms().server_environment()
    assert len(environment[SECRET]) >= 32
    assert "token" in Rooms().path(0)


def test_an_invalid_number_of_rooms_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"rooms\.rooms must be a whole number"):
        Rooms({"rooms": "0"})


def test_rooms_under_load_keep_their_promises_to_newcomers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, KEY)
    settings = {"rooms.rooms": "2"}
    plan = Plan(
        "rooms", 6, publishers=2, rate_hz=60.0, duration_s=0.5, warmup_s=0.0, drain_s=90.0, ramp_s=90.0, steps=3
    )
    with serve(parse_target(None), extra_env=Rooms().server_environment()) as server:
        measurement = run_plan(plan, channels="reference", settings=settings, endpoint=server.endpoint, server=server)
    history = measurement.history
    assert run_checks(history, measurement.contract) == []
    assert [member.room for member in history.members] == [0, 1, 0, 1, 0, 1]
    assert not history.unexpected
    measured = history.publications.phase == Phase.MEASURED
    assert set(history.publications.publisher[measured].tolist()) == {0, 1}
    assert all(member.in_ns for member in history.members)


def test_a_member_answers_the_ping_of_the_server() -> None:
    parsed = Rooms().read(0, '{"type": "ping"}')
    assert (parsed.kind, parsed.needs_answer) == (MessageKind.IGNORED, True)
    assert [json.loads(answer) for answer in Rooms().answer(0, '{"type": "ping"}')] == [{"type": "pong"}]

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from pydantic_asyncapi.v3 import AsyncAPI

from target_app.asyncapi import document
from target_app.dialect import Dialect
from target_app.main import create_app
from target_app.messages import ErrorMessage
from target_app.room_messages import DIALECT as ROOMS
from target_app.settings import Settings

SAID = {"type": "say", "id": "1", "text": "hello"}


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """Return the document as a client gets it."""
    read: dict[str, Any] = json.loads(json.dumps(document(create_app(Settings()), "chat.example:8000")))
    return read


def resolved(described: dict[str, Any], reference: str) -> dict[str, Any]:
    value = described
    for part in reference.removeprefix("#/").split("/"):
        value = value[part]
    return value


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))
    return set[str]().union(*map(references, value)) if isinstance(value, list) else set()


def schema_of(described: dict[str, Any], message: str) -> dict[str, Any]:
    payload: dict[str, Any] = described["components"]["messages"][message]["payload"]
    return payload | {"components": described["components"]}


def test_the_document_is_valid_and_every_reference_resolves(described: dict[str, Any]) -> None:
    AsyncAPI.model_validate(described)
    for reference in references(described):
        assert resolved(described, reference)


def test_the_document_has_every_channel_by_its_address(described: dict[str, Any]) -> None:
    addresses = {channel["address"] for channel in described["channels"].values()}
    tutorial = {"/ws", "/ws/{client_id}", "/dashboard-feed"}
    assert addresses >= tutorial | {"/echo/json", "/rooms/{name}", "/notifications", "/draw/{name}", "/game/{name}"}
    assert all(channel["description"] for channel in described["channels"].values())


def test_the_document_lists_what_a_client_sends_and_receives(described: dict[str, Any]) -> None:
    spoken = {
        action: {reference["$ref"].rpartition(".")[2] for reference in operation["messages"]}
        for action in ("receive", "send")
        for operation in [described["operations"][f"rooms_name.{action}"]]
    }
    assert spoken["receive"] >= {"Join", "Say", "Tell", "Authenticate", "Ping"}
    assert spoken["send"] >= {"Joined", "Said", "Ack", "Welcome", "ErrorMessage"}
    assert not spoken["send"] & {"Join", "Say"}


@pytest.mark.parametrize(
    "change",
    [{}, {"text": ""}, {"text": 7}, {"text": None}, {"colour": "red"}, {"text": "x" * 4_001}, {"id": "x" * 65}],
    ids=str,
)
def test_the_document_and_the_server_accept_the_same_messages(
    described: dict[str, Any], change: dict[str, object]
) -> None:
    message = SAID | change
    taken = not isinstance(ROOMS.parse(json.dumps(message)), ErrorMessage)
    validator = jsonschema.Draft202012Validator(schema_of(described, "room_messages.Say"))
    assert validator.is_valid(message) == taken == (change == {})


def test_a_change_of_a_model_changes_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(Settings())
    before = document(app, "here")["channels"]["rooms_name"]["messages"]
    fewer = Dialect(incoming=ROOMS.incoming[:1], outgoing=ROOMS.outgoing)
    monkeypatch.setattr("target_app.channels.rooms.DIALECT", fewer)
    after = document(app, "here")["channels"]["rooms_name"]["messages"]
    assert set(before) - set(after) == {f"room_messages.{name}" for name in ("Say", "Tell", "Typing", "Who")}

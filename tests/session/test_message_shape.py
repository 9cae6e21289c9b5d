"""Tests that the format of a server's messages is derived from one message."""

from __future__ import annotations

import json

import pytest

from wsproof.session.message_shape import MessageShape, shape_of

TEXT = 'hello "you"'


@pytest.mark.parametrize(
    ("message", "shape"),
    [
        (TEXT, MessageShape()),
        (f"Client #1 says: {TEXT}", MessageShape(before="Client #1 says: ")),
        (f"<{TEXT}>", MessageShape(before="<", after=">")),
        (json.dumps({"text": TEXT}), MessageShape(("text",))),
        (json.dumps({"type": "said", "text": TEXT}), MessageShape(("text",), tag=("type", "said"))),
        (
            json.dumps({"op": "next", "data": {"id": 7, "body": f"7: {TEXT}"}}),
            MessageShape(("data", "body"), "7: ", tag=("op", "next")),
        ),
        (TEXT.encode(), MessageShape(is_binary=True)),
        ("welcome", None),
        (json.dumps({"type": "welcome"}), None),
        (json.dumps([TEXT]).replace("\\", "/"), None),
        (b"\x00" + TEXT.encode(), None),
        ("[" * 100_000, None),
    ],
)
def test_the_shape_of_a_message_is_described(message: str | bytes, shape: MessageShape | None) -> None:
    assert shape_of(message, TEXT) == shape

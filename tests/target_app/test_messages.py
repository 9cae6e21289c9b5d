"""Tests that messages are validated first, and that the error names the wrong field."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from target_app.dialect import Dialect
from target_app.messages import ErrorMessage, Message, Ping


class Point(Message):
    type: Literal["point"] = "point"
    x: float
    y: float


class ForwardedConnection(Message):
    type: Literal["line"]
    points: Annotated[tuple[Point, ...], Field(max_length=3)]
    name: str = Field(default="", max_length=8)


DIALECT = Dialect((ForwardedConnection,), ())


def test_a_valid_message_is_parsed() -> None:
    line = DIALECT.parse('{"type":"line","points":[{"x":1,"y":2.5}],"name":"a"}')
    assert isinstance(line, ForwardedConnection)
    assert line.points[0].y == 2.5


def test_control_messages_belong_to_every_channel() -> None:
    assert DIALECT.parse('{"type":"ping","id":7}') == Ping(type="ping", id=7)


@pytest.mark.parametrize(
    ("raw", "code", "field"),
    [
        ("not json", "not_json", None),
        ("", "not_json", None),
        ('"\\ud800"', "not_json", None),
        ("[" * 20_000, "not_json", None),
        ("[]", "invalid", None),
        ("7", "invalid", None),
        ("{}", "unknown_type", "type"),
        ('{"type":"no such"}', "unknown_type", "type"),
        ('{"type":["line"]}', "unknown_type", "type"),
        ('{"type":"line"}', "invalid", "points"),
        ('{"type":"line","points":[{"x":1}]}', "invalid", "points.0.y"),
        ('{"type":"line","points":[{"x":"1","y":2}]}', "invalid", "points.0.x"),
        ('{"type":"line","points":[{"x":true,"y":2}]}', "invalid", "points.0.x"),
        ('{"type":"line","points":[],"extra":1}', "invalid", "extra"),
        ('{"type":"line","points":[],"name":"too long for it"}', "invalid", "name"),
        ('{"type":"line","points":[{"x":1,"y":1},{"x":1,"y":1},{"x":1,"y":1},{"x":1,"y":1}]}', "invalid", "points"),
    ],
)
def test_the_error_names_the_field(raw: str, code: str, field: str | None) -> None:
    error = DIALECT.parse(raw)
    assert isinstance(error, ErrorMessage)
    assert (error.code, error.field) == (code, field)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_an_invalid_number_is_refused(number: str) -> None:
    raw = f'{{"type":"line","points":[{{"x":{number},"y":0}}]}}'
    assert isinstance(DIALECT.parse(raw), ErrorMessage)


@given(st.one_of(st.text(), st.binary()))
def test_no_message_of_a_client_raises(raw: str | bytes) -> None:
    assert isinstance(DIALECT.parse(raw), Message)


def test_an_error_does_not_repeat_the_value() -> None:
    error = DIALECT.parse('{"type":"authenticate","token":12345678901}')
    assert isinstance(error, ErrorMessage)
    assert "12345678901" not in error.to_json()


def test_a_long_unknown_field_is_cut() -> None:
    error = DIALECT.parse(f'{{"type":"line","points":[],"{"k" * 5_000}":1}}')
    assert isinstance(error, ErrorMessage)
    assert len(error.to_json()) < 500

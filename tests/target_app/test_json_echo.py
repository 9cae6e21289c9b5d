"""Tests of `/echo/json`: JSON is returned as it was written, and other texts get an error."""

from __future__ import annotations

import json

import pytest

from tests.target_app.conftest import Enter
from tests.target_app.people import close_of
from tests.target_app.server import DEADLINE, Server


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [1, 2.50, null]}',
        '"\\u00e9\\n"',
        "true",
        "12345678901234567890123",
        " [ ] ",
        "{}",
        "-0.0",
        '{"b":1,"a":2}',
    ],
)
def test_a_value_comes_back_as_it_was_written(server: Server, enter: Enter, text: str) -> None:
    client = enter(server, "/echo/json")
    client.send(text)
    answer = client.recv(DEADLINE)
    assert answer == f'{{"received": {text}}}'
    assert json.loads(answer) == {"received": json.loads(text)}


@pytest.mark.parametrize(
    "text", ["", "nonsense", "{'a': 1}", '{"a": NaN}', "Infinity", "1e999", "[1, 2", "1 2", '"\\ud800"', "[" * 30_000]
)
def test_invalid_json_gets_an_error_and_the_connection_stays_open(server: Server, enter: Enter, text: str) -> None:
    client = enter(server, "/echo/json")
    client.send(text)
    error = json.loads(client.recv(DEADLINE))
    assert (error["type"], error["code"]) == ("error", "not_json")
    client.send("1")
    assert client.recv(DEADLINE) == '{"received": 1}'


def test_errors_without_end_are_1007(server: Server, enter: Enter) -> None:
    client = enter(server, "/echo/json")
    for _ in range(11):
        client.send("nonsense")
    assert close_of(client) == (1007, "not_json")


def test_a_binary_frame_is_closed_with_1003(server: Server, enter: Enter) -> None:
    client = enter(server, "/echo/json")
    client.send(b"1")
    assert close_of(client) == (1003, "text_only")

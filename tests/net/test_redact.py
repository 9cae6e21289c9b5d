from __future__ import annotations

import pytest

from wsproof.net.redact import MARK, redact, redact_command, redact_url, redact_value, secret_parameters


@pytest.mark.parametrize(
    "line",
    [
        'INFO: "WebSocket /ws?token=sesame" [accepted]',
        "GET /ws?room=1&access_token=sesame HTTP/1.1",
        "Authorization: Bearer sesame-street",
        "headers: {'authorization': 'Basic sesame='}",
        "(b'cookie', b'id=sesame; theme=dark')",
        "DATABASE_PASSWORD=sesame",
        "export API_KEY='sesame street'",
        '{"password": "sesame", "user": "ann"}',
        "connecting to redis://:sesame@localhost:6379/0",
        "postgres://ann:sesame@db/shop?sslmode=require",
        "sent eyJhbGciOiJIUzI1NiJ9.sesame.c2ln",
        "Sec-WebSocket-Protocol: v1, bearer, sesame",
    ],
)
def test_secrets_are_known_by_their_shape(line: str) -> None:
    cleaned = redact(line)
    assert "sesame" not in cleaned
    assert MARK in cleaned


@pytest.mark.parametrize(
    "line",
    [
        "TypeError: unexpected token: 'x' in line 3",
        "Message received: hello",
        "ws://127.0.0.1:8000/ws/7?room=2",
        "KeyError: 'text'",
        'File "/srv/app/main.py", line 7, in <module>',
        "key = value",
        "Sec-WebSocket-Protocol: v1, v2",
    ],
)
def test_ordinary_lines_stay_as_they_are(line: str) -> None:
    assert redact(line) == line


def test_known_secrets_go_wherever_they_stand_also_percent_encoded() -> None:
    assert redact("got a/b+c and a%2Fb%2Bc, xa/b+cx", ["a/b+c"]) == f"got {MARK} and {MARK}, x{MARK}x"


def test_a_very_short_secret_is_taken_only_as_a_word() -> None:
    assert redact("a cat sat at a", ["a"]) == f"{MARK} cat sat at {MARK}"


def test_an_empty_secret_changes_nothing() -> None:
    assert redact("text", [""]) == "text"


def test_a_url_loses_its_user_and_its_secret_parameters_only() -> None:
    assert (
        redact_url("wss://ann:pw@h:1/p?token=x&q=1&Signature=y#f")
        == f"wss://{MARK}@h:1/p?token={MARK}&q=1&Signature={MARK}#f"
    )
    assert redact_url("ws://h:1/p?q=1") == "ws://h:1/p?q=1"


def test_redacting_twice_is_redacting_once() -> None:
    once = redact("Authorization: Bearer abcdef\n/ws?token=abc&x=1", ["abc"])
    assert redact(once, ["abc"]) == once


def test_the_name_decides_about_a_value() -> None:
    assert redact_value("X-Api-Key", "1") == MARK
    assert redact_value("MODE", "test") == "test"
    assert redact_value("TOKEN", "") == ""


def test_a_command_line_loses_what_follows_a_secret_option() -> None:
    command = ["./serve", "--api-token", "sesame", "--port", "1", "--password=sesame", "--secret", "--verbose", "plain"]
    assert redact_command(command) == [
        "./serve", "--api-token", MARK, "--port", "1", f"--password={MARK}", "--secret", "--verbose", "plain",
    ]  # fmt: skip


def test_secret_query_parameters_are_found_as_written_and_decoded() -> None:
    assert secret_parameters("/ws?token=a%2Fb&room=1") == ["a%2Fb", "a/b"]

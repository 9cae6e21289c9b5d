from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from wsproof.model.secrecy import MARK, forget, learn, secret_parameters, secrets_in_message
from wsproof.net.redact import hide, redact, redact_command, redact_url, redact_value
from wsproof.report.store.atomic import append_json, dumps


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
def test_secrets_are_recognised_by_their_shape(line: str) -> None:
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
def test_ordinary_lines_are_unchanged(line: str) -> None:
    assert redact(line) == line


def test_known_secrets_are_removed_everywhere_also_percent_encoded() -> None:
    assert redact("got a/b+c and a%2Fb%2Bc, xa/b+cx", ["a/b+c"]) == f"got {MARK} and {MARK}, x{MARK}x"


@pytest.mark.parametrize("value", ["a", "1", "chat", "room1", "admin", "2026"])
def test_a_short_or_common_secret_is_removed_only_next_to_its_name(value: str) -> None:
    page = f"{value} of 3: chat.delivery was lost in room1 by admin at 2026, {value}"
    assert hide(page, [value]) == page
    assert hide(f"GET /ws?token={value}&room=2 HTTP/1.1", [value]) == f"GET /ws?token={MARK}&room=2 HTTP/1.1"
    assert hide(f"Cookie: {value}", [value]) == f"Cookie: {MARK}"


def test_a_short_word_is_removed_only_as_a_whole_word() -> None:
    assert hide("sesame, sesames and open-sesame", ["sesame"]) == f"{MARK}, sesames and open-{MARK}"


def test_the_rest_of_a_shortened_secret_is_redacted_too() -> None:
    token = "abcd1234efgh5678"
    quoted = 'said {\\"k\\": \\"abcd1\\"...'
    for text in ('said "abcd1234"...', "said abcd12…5678 (40 characters)", quoted, "cut: abcd1234efgh"):
        assert not [piece for piece in ("abcd", "5678") if piece in hide(text, [token])], text
    assert hide("nothing of it... and no…thing", [token]) == "nothing of it... and no…thing"


def test_thousands_of_secrets_are_found_in_one_pass() -> None:
    tokens = [f"tk-{number:06}-{number * 7919 % 100_003:06}" for number in range(5_000)]
    text = " ".join(tokens[::50])
    assert hide(f"{text} tk-999999", tokens) == " ".join([MARK] * 100) + " tk-999999"


def test_a_close_code_is_no_secret() -> None:
    assert redact("closed with code=1006, auth_code=sesame7") == f"closed with code=1006, auth_code={MARK}"


@pytest.mark.parametrize(
    ("message", "values"),
    [
        ('{"type": "hello", "auth": {"accessToken": "T1"}, "text": "a"}', ["T1"]),
        ('40{"token":"T1"}', ["T1"]),
        ("CONNECT\nlogin:ann\npasscode:T1\n\n\0", ["T1"]),
        ("AUTH Bearer T1T1T1", ["T1T1T1"]),
        (b'{"key": "T1"}', ["T1"]),
        ("/login?ticket=T%201", ["T%201", "T 1"]),
        ('{"type": "say", "text": "the monkey and the keyboard"}', []),
    ],
)
def test_secrets_are_found_in_what_a_channel_sends(message: str | bytes, values: list[str]) -> None:
    assert [value for value in dict.fromkeys(secrets_in_message(message)) if value in values] == values
    assert values or not secrets_in_message(message)


@pytest.fixture
def fresh() -> Iterator[None]:
    forget()
    yield
    forget()


def test_learned_secrets_are_redacted_everywhere(fresh: None) -> None:
    learn(["opaque-7f3a", "1", "chat"])
    assert hide("1 chat opaque-7f3a") == f"1 chat {MARK}"
    assert redact("opaque-7f3a") == MARK
    assert dumps({"a": ["opaque-7f3a"]}) == dumps({"a": [MARK]})


def test_secrets_learned_after_those_of_a_run_were_forgotten_are_redacted(fresh: None) -> None:
    learn(["first-7f3a"])
    assert hide("first-7f3a second-91bc") == f"{MARK} second-91bc"
    forget()
    learn(["second-91bc"])
    assert hide("first-7f3a second-91bc") == f"first-7f3a {MARK}"


def test_redacting_a_redacted_url_changes_nothing() -> None:
    redacted = redact_url("ws://ann:pw@h:1/p")
    assert redact_url(redacted) == redacted == f"ws://{MARK}@h:1/p"


def test_an_empty_secret_changes_nothing() -> None:
    assert redact("text", [""]) == "text"


def test_only_the_user_and_the_secret_parameters_of_a_url_are_redacted() -> None:
    assert (
        redact_url("wss://ann:pw@h:1/p?token=x&q=1&Signature=y#f")
        == f"wss://{MARK}@h:1/p?token={MARK}&q=1&Signature={MARK}#f"
    )
    assert redact_url("ws://h:1/p?q=1") == "ws://h:1/p?q=1"


def test_redacting_a_redacted_text_changes_nothing() -> None:
    redacted = redact("Authorization: Bearer abcdef\n/ws?token=abc&x=1", ["abc"])
    assert redact(redacted, ["abc"]) == redacted


def test_a_value_with_a_secret_name_is_redacted() -> None:
    assert redact_value("X-Api-Key", "1") == MARK
    assert redact_value("MODE", "test") == "test"
    assert redact_value("TOKEN", "") == ""


def test_the_value_after_a_secret_option_is_redacted() -> None:
    command = ["./serve", "--api-token", "sesame", "--port", "1", "--password=sesame", "--secret", "--verbose", "plain"]
    assert redact_command(command) == [
        "./serve", "--api-token", MARK, "--port", "1", f"--password={MARK}", "--secret", "--verbose", "plain",
    ]  # fmt: skip


def test_secret_query_parameters_are_found_as_written_and_decoded() -> None:
    assert secret_parameters("/ws?token=a%2Fb&room=1") == ["a%2Fb", "a/b"]


def test_lines_appended_to_a_file_are_redacted(fresh: None, tmp_path: Path) -> None:
    learn(["lives-7f3a"])
    path = tmp_path / "lives.jsonl"
    for index in range(2):
        append_json(path, {"index": index, "said": "token lives-7f3a"})
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["index"] for line in lines] == [0, 1]
    assert "lives-7f3a" not in "".join(lines)

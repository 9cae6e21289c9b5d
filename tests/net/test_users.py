"""Tests of tables of users: reading them, and filling members' headers and queries from their rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsproof import UsageError
from wsproof.net.endpoint import Endpoint
from wsproof.net.redact import redact
from wsproof.net.users import UserTable, read_users
from wsproof.target.target import parse_target

USERS = UserTable(("name", "token"), (("ann", "t-ann&1"), ("bob", "t-bob")))
URL = "ws://127.0.0.1:1/ws"


@pytest.fixture
def users(tmp_path: Path) -> str:
    path = tmp_path / "users.csv"
    path.write_text('name,token\nann,secret-of-ann\n\n"b, o b",secret-of-bob\n')
    return str(path)


def test_a_file_is_read_and_its_secret_columns_are_redacted(users: str) -> None:
    table = read_users(users)
    assert table == UserTable(("name", "token"), (("ann", "secret-of-ann"), ("b, o b", "secret-of-bob")))
    assert "secret-of-ann" not in redact("the server wrote secret-of-ann")
    assert "ann" in redact("ann is here")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "at least one user"),
        ("name,token\n", "at least one user"),
        ("name,n\na,b\n", "'n' cannot be the name of a column"),
        ("name,name\na,b\n", "'name' cannot be the name of a column"),
        ("a name\nb\n", "'a name' cannot be the name of a column"),
        ("name,token\nann\n", "row 2 has 1 values, and there are 2 columns"),
        ('name\n"a\nb"\n', "row 2 has a control character"),
    ],
)
def test_a_file_that_is_not_a_table_is_a_usage_error(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=reason):
        read_users(str(path))


def test_a_missing_file_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="--user-file"):
        read_users("/does/not/exist.csv")


@pytest.mark.parametrize(
    ("number", "name", "token", "query"),
    [(0, "ann", "t-ann&1", "t-ann%261"), (1, "bob", "t-bob", "t-bob"), (4, "ann", "t-ann&1", "t-ann%261")],
)
def test_members_take_the_rows_in_turn(number: int, name: str, token: str, query: str) -> None:
    headers = (("X-User", "{name} {n}"), ("Authorization", "Bearer {token}"))
    place = Endpoint("h", 1, headers=headers, query="as=%7Btoken%7D", users=USERS).channel("/ws").numbered(number)
    assert place.headers == (("X-User", f"{name} {number}"), ("Authorization", f"Bearer {token}"))
    assert place.path == f"/ws?as={query}"


def test_the_encoding_for_workers_keeps_all_users() -> None:
    place = Endpoint("h", 1, users=USERS)
    assert Endpoint.from_json(place.to_json()) == place


def test_the_options_of_a_target_have_users_and_a_certificate(users: str) -> None:
    target = parse_target(URL, user_file=users, token="{token}", cert="/c.pem", key="/k.pem")
    place = target.endpoint(Endpoint("127.0.0.1", 1))
    assert (place.cert, place.key) == ("/c.pem", "/k.pem")
    assert dict(place.numbered(1).headers) == {"Authorization": "Bearer secret-of-bob"}
    assert (target.describe()["user_file"], target.describe()["cert"]) == (users, "/c.pem")


def test_a_user_file_that_no_option_uses_is_a_usage_error(users: str) -> None:
    with pytest.raises(UsageError, match=r"has \{name\}, \{token\}, and none of them is used"):
        parse_target(URL, user_file=users, token="{tokn}")
    parse_target(f"{URL}?as={{name}}", user_file=users)


def test_a_key_without_its_certificate_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="--cert FILE"):
        parse_target(URL, key="/k.pem")

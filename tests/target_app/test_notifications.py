"""Tests of alerts: recipients, permissions, and that none is lost before its acknowledgement."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from target_app.alerts import MOST_UNREAD_OF_ONE_USER
from tests.target_app.people import SECRET, Person, dial, make_token, users_with
from tests.target_app.server import Server, running

SignIn = Callable[..., Person]


@pytest.fixture
def server() -> Iterator[Server]:
    with running(
        "target_app", {"secret": SECRET, "users": users_with("ada", "alan", "grace", admins=("root", "other"))}
    ) as started:
        yield started


@pytest.fixture
def sign_in() -> Iterator[SignIn]:
    """Sign in users with an inbox. Their unread alerts are in `missed`."""
    with ExitStack() as stack:

        def come(server: Server, user: str, *roles: str) -> Person:
            path = f"/notifications?token={make_token(user, roles=roles)}"
            person = Person(stack.enter_context(dial(server, path)))
            assert person.read()["type"] == "welcome"
            person.missed = person.wait("unread")["alerts"]
            return person

        yield come


def alert(person: Person, id: str, **fields: Any) -> dict[str, Any]:
    """Send an alert, and return the answer to the sender."""
    person.send("send", **({"id": id, "to": "user", "level": "info", "text": "hello"} | fields))
    while (answer := person.read())["type"] not in ("sent", "error"):
        pass
    return answer


def test_an_alert_reaches_all_connections_of_its_user_and_nobody_else(server: Server, sign_in: SignIn) -> None:
    admin, one, two, alan = (sign_in(server, name) for name in ("admin", "grace", "grace", "alan"))
    assert alert(admin, "1", user="grace", level="critical", text="look <b>")["type"] == "sent"
    assert alert(admin, "2", user="alan", text="yours")["type"] == "sent"
    got = one.read()
    assert (got["type"], got["to"], got["sender"], got["level"], got["text"]) == (
        "alert",
        "user",
        "admin",
        "critical",
        "look <b>",
    )
    assert two.read() == got
    assert alan.read()["text"] == "yours"


def test_only_administrators_send_and_get_alerts_to_administrators(server: Server, sign_in: SignIn) -> None:
    root, other, user = sign_in(server, "root", "admin"), sign_in(server, "other", "admin"), sign_in(server, "user")
    refused = alert(user, "1", to="admins", text="let me in")
    assert (refused["code"], refused["field"], refused["ref"]) == ("forbidden", "to", "1")
    assert alert(root, "2", to="admins", text="disk full")["type"] == "sent"
    assert other.read()["text"] == "disk full"
    assert alert(root, "3", user="user", text="the next thing that user gets")["type"] == "sent"
    assert user.read()["text"] == "the next thing that user gets"
    assert sign_in(server, "user").missed[0]["to"] == "user"


def test_an_unacknowledged_alert_is_sent_again(server: Server, sign_in: SignIn) -> None:
    ada = sign_in(server, "ada")
    for n in range(3):
        alert(ada, str(n), user="grace", text=str(n))
    grace = sign_in(server, "grace")
    assert [waiting["text"] for waiting in grace.missed] == ["0", "1", "2"]
    grace.send("acknowledge", to="user", seq=grace.missed[1]["seq"])
    assert grace.wait("acknowledged")["seq"] == grace.missed[1]["seq"]
    assert [waiting["text"] for waiting in sign_in(server, "grace").missed] == ["0", "2"]


def test_acknowledging_counts_on_the_users_other_connections(server: Server, sign_in: SignIn) -> None:
    one, two = sign_in(server, "ada"), sign_in(server, "ada")
    alert(one, "1", user="ada")
    seq = two.wait("alert")["seq"]
    two.send("acknowledge", to="user", seq=seq)
    assert one.wait("acknowledged") == {"type": "acknowledged", "to": "user", "seq": seq}


def test_each_administrator_acknowledges_alone(server: Server, sign_in: SignIn) -> None:
    root, other = sign_in(server, "root", "admin"), sign_in(server, "other", "admin")
    alert(root, "1", to="admins")
    seq = other.wait("alert")["seq"]
    other.send("acknowledge", to="admins", seq=seq)
    other.wait("acknowledged")
    assert sign_in(server, "other", "admin").missed == []
    assert [waiting["seq"] for waiting in sign_in(server, "root", "admin").missed] == [seq]


def test_an_alert_sent_again_under_its_id_is_one_alert(server: Server, sign_in: SignIn) -> None:
    ada = sign_in(server, "ada")
    first, again = (alert(ada, "same", user="grace") for _ in range(2))
    assert (again["seq"], again["duplicate"]) == (first["seq"], True)
    assert len(sign_in(server, "grace").missed) == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"level": "shouting", "user": "ada"}, "level"),
        ({"user": None}, "user"),
        ({"text": "x" * 1_001, "user": "ada"}, "text"),
        ({"to": "everybody"}, "to"),
    ],
)
def test_a_wrong_alert_is_answered_with_the_field(
    server: Server, sign_in: SignIn, fields: dict[str, Any], field: str
) -> None:
    error = alert(sign_in(server, "ada"), "1", **fields)
    assert (error["code"], error["field"]) == ("invalid", field)


def test_alerts_survive_the_server(tmp_path: Path, sign_in: SignIn) -> None:
    settings = {"secret": SECRET, "history_path": tmp_path / "history.db", "users": users_with("ada", "grace")}
    with running("target_app", settings) as server:
        alert(sign_in(server, "ada"), "1", user="grace", text="still here")
        server.process.kill()
        server.process.wait()
    with running("target_app", settings) as server:
        assert [waiting["text"] for waiting in sign_in(server, "grace").missed] == ["still here"]


def test_an_unknown_name_gets_no_alerts(server: Server, sign_in: SignIn) -> None:
    ada = sign_in(server, "ada")
    error = alert(ada, "1", user="nobody")
    assert (error["code"], error["field"], error["ref"]) == ("not_found", "user", "1")


def test_a_plain_user_cannot_push_out_an_administrators_alert(sign_in: SignIn) -> None:
    """Alerts of a plain user are refused if too many wait. Confirmed ones stay, however old they are."""
    settings = {"secret": SECRET, "users": users_with("ada", "grace"), "history_keep": 10, "message_burst": 1_000}
    with running("target_app", {**settings, "user_message_burst": 1_000, "error_burst": 1_000}) as server:
        admin, ada = sign_in(server, "admin", "admin"), sign_in(server, "ada")
        assert alert(admin, "first", user="grace", text="read this")["type"] == "sent"
        answers = [alert(ada, str(n), user="grace", text="spam") for n in range(MOST_UNREAD_OF_ONE_USER + 5)]
        assert [answer["type"] for answer in answers] == ["sent"] * MOST_UNREAD_OF_ONE_USER + ["error"] * 5
        assert (answers[-1]["code"], answers[-1]["ref"]) == ("unavailable", str(MOST_UNREAD_OF_ONE_USER + 4))
        assert alert(admin, "last", user="grace", text="and this")["type"] == "sent"
        grace = sign_in(server, "grace")
        texts = [waiting["text"] for waiting in grace.missed]
        texts += [grace.wait("alert")["text"] for _ in range(MOST_UNREAD_OF_ONE_USER + 2 - len(texts))]
        assert texts == ["read this", *["spam"] * MOST_UNREAD_OF_ONE_USER, "and this"]
        grace.send("acknowledge", to="user", seq=grace.missed[1]["seq"])
        grace.wait("acknowledged")
        assert alert(ada, "room again", user="grace")["type"] == "sent"


def test_an_acknowledgement_is_kept_after_many_other_alerts(sign_in: SignIn) -> None:
    """Regression: an acknowledgement that was deleted from the history made its alert unread again."""
    settings = {"secret": SECRET, "users": users_with("ada", admins=("root",)), "history_keep": 3}
    with running("target_app", settings) as server:
        root = sign_in(server, "root", "admin")
        seq = alert(root, "1", to="admins", text="acknowledged")["seq"]
        root.send("acknowledge", to="admins", seq=seq)
        root.wait("acknowledged")
        for n in range(5):
            alert(root, f"own {n}", user="root", text="later")
        assert [waiting["text"] for waiting in sign_in(server, "root", "admin").missed] == ["later"] * 5

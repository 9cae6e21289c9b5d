"""Tests of rooms: one order for all, presence, acknowledgements, history, and reconnecting without a gap."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.target_app.conftest import StartServer
from tests.target_app.peers import TEXT, TINY_BUFFER, RawPeer
from tests.target_app.people import SECRET, Person, close_of, dial, make_token
from tests.target_app.server import Server, running

Arrive = Callable[..., Person]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("target_app", {"secret": SECRET}) as started:
        yield started


@pytest.fixture
def room(request: pytest.FixtureRequest) -> str:
    """Return the name of a room for this test alone."""
    return str(request.node.name)[:60]


@pytest.fixture
def arrive(room: str) -> Iterator[Arrive]:
    """Return a factory of users who join a room. Their missed messages are in `missed`."""
    with ExitStack() as stack:

        def come(server: Server, user: str, **cursor: Any) -> Person:
            path = f"/rooms/{quote(room, safe='')}?token={make_token(user)}"
            person = Person(stack.enter_context(dial(server, path)))
            assert person.read()["type"] == "welcome"
            person.send("join", **cursor)
            person.joined = person.read()
            while (message := person.read())["type"] != "members":
                person.missed.append(message)
            person.members = message["users"]
            return person

        yield come


def say(person: Person, id: str, text: str = "hello") -> dict[str, Any]:
    """Send a message and return its acknowledgement."""
    person.send("say", id=id, text=text)
    return person.wait("ack", id=id)


def test_a_message_reaches_all_members_with_its_number_and_is_acknowledged(server: Server, arrive: Arrive) -> None:
    ada, grace = arrive(server, "ada"), arrive(server, "grace")
    ada.send("say", id="a1", text="Hello <b>")
    said = grace.wait("said")
    assert (said["seq"], said["user"], said["id"], said["text"]) == (1, "ada", "a1", "Hello <b>")
    assert ada.wait("said") == said
    ack = ada.wait("ack")
    assert (ack["id"], ack["seq"], ack["duplicate"]) == ("a1", 1, False)
    assert ack["epoch"] == ada.joined["epoch"]


def test_all_members_receive_two_publishers_in_one_order(server: Server, arrive: Arrive) -> None:
    people = [arrive(server, name) for name in ("ada", "grace", "alan")]
    for n in range(50):
        people[0].send("say", id=f"a{n}", text=str(n))
        people[1].send("say", id=f"g{n}", text=str(n))
    heard = [[person.wait("said") for _ in range(100)] for person in people]
    assert heard[0] == heard[1] == heard[2]
    assert [message["seq"] for message in heard[0]] == list(range(1, 101))


def test_members_get_join_and_leave_notices(server: Server, arrive: Arrive) -> None:
    ada = arrive(server, "ada")
    assert ada.members == ["ada"]
    grace = arrive(server, "grace")
    assert grace.members == ["ada", "grace"]
    assert ada.wait("presence") == {"type": "presence", "event": "join", "user": "grace"}
    grace.socket.close()
    assert ada.wait("presence") == {"type": "presence", "event": "leave", "user": "grace"}
    ada.send("who")
    assert ada.wait("members")["users"] == ["ada"]


def test_a_second_connection_of_the_same_user_is_no_second_arrival(server: Server, arrive: Arrive) -> None:
    ada, one, two = arrive(server, "ada"), arrive(server, "grace"), arrive(server, "grace")
    one.socket.close()
    assert say(two, "g1")["seq"] == 1  # after this ada has heard of everything before it
    assert ada.read()["event"] == "join"
    assert ada.read()["type"] == "said"
    two.socket.close()
    assert ada.read()["event"] == "leave"


def test_a_connection_cut_off_without_a_close_is_a_departure(server: Server, arrive: Arrive) -> None:
    ada, grace = arrive(server, "ada"), arrive(server, "grace")
    grace.socket.socket.shutdown(2)
    assert ada.wait("presence", event="leave")["user"] == "grace"


def test_a_newcomer_gets_the_latest_messages(server: Server, arrive: Arrive) -> None:
    ada = arrive(server, "ada")
    for n in range(60):
        say(ada, f"a{n}", str(n))
    grace = arrive(server, "grace")
    assert "recovered" not in grace.joined
    assert [message["text"] for message in grace.missed] == [str(n) for n in range(10, 60)]


def test_a_returning_member_gets_exactly_the_missed_messages(server: Server, arrive: Arrive) -> None:
    ada, grace = arrive(server, "ada"), arrive(server, "grace")
    for n in range(3):
        say(ada, f"a{n}", str(n))
    last = [grace.wait("said") for _ in range(3)][-1]["seq"]
    grace.socket.close()
    for n in range(3, 103):
        say(ada, f"a{n}", str(n))
    grace = arrive(server, "grace", epoch=grace.joined["epoch"], seq=last)
    assert grace.joined["recovered"] is True
    assert [message["seq"] for message in grace.missed] == list(range(4, 104))
    say(ada, "next")
    assert grace.wait("said")["seq"] == 104


def test_a_recovery_without_missed_messages_succeeds(server: Server, arrive: Arrive) -> None:
    ada = arrive(server, "ada")
    seq = say(ada, "a")["seq"]
    again = arrive(server, "ada", epoch=ada.joined["epoch"], seq=seq)
    assert (again.joined["recovered"], again.missed) == (True, [])


@pytest.mark.parametrize("cursor", [{"epoch": "another time", "seq": 1}, {"seq": 1_000}])
def test_a_cursor_of_another_epoch_is_not_recovered(server: Server, arrive: Arrive, cursor: dict[str, Any]) -> None:
    ada = arrive(server, "ada")
    say(ada, "a")
    grace = arrive(server, "grace", **({"epoch": ada.joined["epoch"]} | cursor))
    assert grace.joined["recovered"] is False
    assert [message["id"] for message in grace.missed] == ["a"]


def test_a_member_that_missed_more_than_the_history_is_told_so(start_server: StartServer, arrive: Arrive) -> None:
    server = start_server(secret=SECRET, history_keep=20)
    ada = arrive(server, "ada")
    for n in range(60):
        say(ada, f"a{n}")
    grace = arrive(server, "grace", epoch=ada.joined["epoch"], seq=1)
    assert grace.joined["recovered"] is False
    assert grace.missed[-1]["id"] == "a59"


def test_members_returning_during_publications_miss_nothing(server: Server, arrive: Arrive) -> None:
    ada = arrive(server, "ada")
    for n in range(150):
        ada.send("say", id=f"a{n}", text="x" * 500)
    grace = arrive(server, "grace", epoch=ada.joined["epoch"], seq=0)
    heard = [message["seq"] for message in grace.missed]
    while not heard or heard[-1] < 150:
        heard.append(grace.wait("said")["seq"])
    assert heard == list(range(1, 151))


def test_a_repeated_id_is_acknowledged_again_and_delivered_once(server: Server, arrive: Arrive) -> None:
    ada, grace, alan = (arrive(server, name) for name in ("ada", "grace", "alan"))
    first = say(ada, "same", "once")
    again = say(ada, "same", "once")
    assert (again["seq"], again["duplicate"]) == (first["seq"], True)
    assert say(grace, "same", "another speaker's id is another one")["duplicate"] is False
    assert [alan.wait("said")["seq"] for _ in range(2)] == [1, 2]


def test_a_direct_message_reaches_one_user_and_nobody_else(server: Server, arrive: Arrive) -> None:
    ada, grace, alan = (arrive(server, name) for name in ("ada", "grace", "alan"))
    ada.send("tell", id="t1", to="grace", text="secret")
    told = grace.wait("told")
    assert (told["user"], told["to"], told["text"]) == ("ada", "grace", "secret")
    assert ada.wait("told") == told
    assert ada.wait("ack")["present"] is True
    assert alan.wait("passed") == {"type": "passed", "seq": told["seq"]}
    assert "secret" not in str(arrive(server, "eve").missed)
    assert arrive(server, "grace").missed == [told]


def test_a_direct_message_waits_for_an_absent_user(server: Server, arrive: Arrive) -> None:
    ada = arrive(server, "ada")
    ada.send("tell", id="t1", to="grace", text="for later")
    assert ada.wait("ack")["present"] is False
    assert [message["text"] for message in arrive(server, "grace").missed] == ["for later"]


def test_typing_notices_are_sent_and_rate_limited(server: Server, arrive: Arrive) -> None:
    ada, grace = arrive(server, "ada"), arrive(server, "grace")
    for _ in range(20):
        ada.send("typing")
    say(ada, "a")
    notices = 0
    while (message := grace.read())["type"] != "said":
        notices += message == {"type": "typing", "user": "ada"}
    assert 1 <= notices <= 4


def test_rooms_are_isolated_from_each_other(server: Server, arrive: Arrive) -> None:
    ada = arrive(server, "ada")
    with dial(server, f"/rooms/another?token={make_token('eve')}") as socket:
        eve = Person(socket)
        eve.send("join")
        eve.wait("members")
        eve.send("say", id="1", text="not for you")
        eve.wait("ack")
    assert say(ada, "a")["seq"] == 1
    assert ada.missed == []


@pytest.mark.parametrize(
    ("raw", "code", "field"),
    [
        ('{"type":"say","id":"1"}', "invalid", "text"),
        ('{"type":"say","id":"","text":"x"}', "invalid", "id"),
        ('{"type":"say","id":"1","text":""}', "invalid", "text"),
        ('{"type":"say","id":"1","text":"x","user":"grace"}', "invalid", "user"),
        ('{"type":"join"}', "invalid", "type"),
        ("hello", "not_json", None),
    ],
)
def test_a_wrong_message_is_answered_and_the_room_goes_on(
    server: Server, arrive: Arrive, raw: str, code: str, field: str | None
) -> None:
    ada = arrive(server, "ada")
    ada.socket.send(raw)
    error = ada.wait("error")
    assert (error["code"], error.get("field")) == (code, field)
    assert say(ada, "still here")["seq"] == 1


@pytest.mark.parametrize(
    ("raw", "ending"), [("no json", (1007, "not_json")), ('{"type":"say"}', (4007, "too_many_errors"))]
)
def test_too_many_wrong_messages_close_with_the_documented_code(
    server: Server, arrive: Arrive, raw: str, ending: tuple[int, str]
) -> None:
    ada = arrive(server, "ada")
    for _ in range(11):
        ada.socket.send(raw)
    assert close_of(ada.socket) == ending


def test_a_binary_frame_is_1003(server: Server, arrive: Arrive) -> None:
    ada = arrive(server, "ada")
    ada.socket.send(b"{}")
    assert close_of(ada.socket) == (1003, "text_only")


def test_a_member_over_the_rate_limit_is_warned_and_then_closed(start_server: StartServer, arrive: Arrive) -> None:
    server = start_server(secret=SECRET, message_rate=0.5, message_burst=3, error_burst=2)
    ada, grace = arrive(server, "ada"), arrive(server, "grace")
    for n in range(6):
        ada.send("say", id=f"a{n}", text="quick")
    warning = ada.wait("error")
    assert warning["code"] == "rate_limited"
    assert 0 < warning["retry_after_ms"] <= 2_000
    assert close_of(ada.socket) == (1008, "rate_limited")
    assert say(grace, "g")["seq"] == 3  # `join` was the first of the three


def test_all_connections_of_a_user_share_one_limit(start_server: StartServer, arrive: Arrive) -> None:
    server = start_server(secret=SECRET, user_message_rate=0.01, user_message_burst=3)
    one, two, grace = arrive(server, "ada"), arrive(server, "ada"), arrive(server, "grace")
    say(one, "the third of three")
    two.send("say", id="x", text="one too many")
    assert two.wait("error")["code"] == "rate_limited"
    assert say(grace, "not limited by others")["seq"] == 2


def test_reconnecting_does_not_refill_a_users_rate(arrive: Arrive) -> None:
    with running("target_app", {"secret": SECRET, "user_message_rate": 0.001, "user_message_burst": 3}) as server:
        ada = arrive(server, "ada")  # the join takes one token
        say(ada, "1")
        say(ada, "2")
        ada.socket.close()
        with dial(server, f"/rooms/lobby?token={make_token('ada')}") as socket:
            back = Person(socket)
            back.send("join")
            assert back.wait("error")["code"] == "rate_limited"
        assert say(arrive(server, "grace"), "1")["type"] == "ack"


@pytest.mark.parametrize("name", ["x" * 65, "a\nb", "\u202e"])
def test_a_room_name_that_cannot_be_shown_is_refused(server: Server, name: str) -> None:
    with dial(server, f"/rooms/{quote(name)}?token={make_token('ada')}") as socket:
        assert close_of(socket) == (1008, "room_name_not_printable_or_too_long")


def test_acknowledged_messages_survive_kill_9_and_the_room_resumes(arrive: Arrive, tmp_path: Path) -> None:
    settings = {"secret": SECRET, "history_path": tmp_path / "history.db"}
    with running("target_app", settings) as server:
        ada = arrive(server, "ada")
        acks = [say(ada, f"a{n}", str(n)) for n in range(20)]
        server.process.kill()
        server.process.wait()
    with running("target_app", settings) as server:
        back = arrive(server, "ada", epoch=ada.joined["epoch"], seq=5)
        assert back.joined["recovered"] is True
        assert [message["seq"] for message in back.missed] == [ack["seq"] for ack in acks[5:]]
        assert say(back, "a19", "19") == acks[19] | {"duplicate": True}
        assert say(back, "a20")["seq"] == 21


def test_without_a_path_the_history_is_a_file_that_only_a_regular_stop_removes(arrive: Arrive, tmp_path: Path) -> None:
    settings = {"secret": SECRET}
    with running("target_app", settings) as server:
        ada = arrive(server, "ada")
        acks = [say(ada, f"a{n}", str(n)) for n in range(20)]
        left = temporary_history(server)
        server.process.kill()
        server.process.wait()
    with running("target_app", settings) as server:
        assert arrive(server, "ada", epoch=ada.joined["epoch"], seq=5).joined["recovered"] is False, (
            "each start uses a new file"
        )
        own = temporary_history(server)
        server.stop()
        assert not own.parent.exists()
    with running("target_app", {**settings, "history_path": left}) as server:
        back = arrive(server, "ada", epoch=ada.joined["epoch"], seq=5)
        assert (back.joined["recovered"], len(back.missed)) == (True, len(acks[5:]))
    shutil.rmtree(left.parent)


def temporary_history(server: Server) -> Path:
    """Return the path of the temporary history, from the log."""
    found = re.search(r"path=(\S+history\.db)", server.log())
    assert found is not None
    path = Path(found[1])
    assert path.is_file()
    assert not path.is_relative_to(Path.cwd())
    return path


def test_a_peer_that_does_not_read_holds_up_nobody(start_server: StartServer, arrive: Arrive, room: str) -> None:
    """The others receive everything. They see the member leave once it is too far behind."""
    server = start_server(secret=SECRET, write_timeout=1, message_rate=1_000_000, user_message_rate=1_000_000)
    ada, grace = arrive(server, "ada"), arrive(server, "grace")
    with RawPeer(server, f"/rooms/{room}?token={make_token('stalled')}", TINY_BUFFER) as stalled:
        stalled.send(TEXT, b'{"type":"join"}')
        assert ada.wait("presence", user="stalled")["event"] == "join"
        grace.wait("presence", user="stalled")
        sent = 0
        while server.ended("slow_consumer") == 0:
            sent += 1
            assert sent < 2_000
            assert say(ada, f"a{sent}", "\N{GRINNING FACE}" * 4_000)["seq"] == sent
            assert grace.wait("said")["seq"] == sent
        assert grace.wait("presence", user="stalled")["event"] == "leave"

"""Tests of `/draw/{board}` on a real server."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from target_app.drawing_messages import DIALECT
from target_app.messages import CONTROL_OUT
from tests.target_app.painters import Painter, at_board
from tests.target_app.peers import TINY_BUFFER, RawPeer
from tests.target_app.people import SECRET, make_token, users_with
from tests.target_app.server import DEADLINE, Server, running, wait_until

Seat = Callable[..., Painter]
SETTINGS: dict[str, Any] = {
    "secret": SECRET,
    "message_rate": 5_000,
    "message_burst": 5_000,
    "user_message_rate": 5_000,
    "users": users_with(admins=("root",)),
}
"""Higher rate limits, since programs draw faster than people."""


@pytest.fixture(scope="module", params=["target_app", "target_app --direct"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Run each test with both writers."""
    with running(request.param, SETTINGS) as started:
        yield started


@pytest.fixture
def paint(server: Server) -> Iterator[Seat]:
    """Return a factory of painters at a board of this test, which join by default."""
    board = f"board{random.getrandbits(48):x}"
    with ExitStack() as stack:

        def sit(user: str, *, join: bool = True, roles: tuple[str, ...] = ()) -> Painter:
            painter = stack.enter_context(at_board(server, user, board, roles))
            if join:
                painter.join()
            return painter

        yield sit


def test_a_stroke_reaches_all_with_its_author_and_grows(paint: Seat) -> None:
    ada, grace = paint("ada"), paint("grace")
    ada.draw("s1", [1, 2, 3, 4], done=False)
    ada.draw("s1", [5, 6], at=2)
    for painter in (ada, grace):
        assert painter.wait("points")["done"] is True
        assert painter.picture() == [("s1", "ada", "#aa0000", 5, [1, 2, 3, 4, 5, 6])]


def test_concurrent_drawing_and_undo_give_all_and_newcomers_the_same_picture(paint: Seat) -> None:
    painters = [paint(user) for user in ("ada", "grace", "mary", "joan")]
    together = threading.Barrier(len(painters) + 1)

    def draw(painter: Painter, name: str) -> None:
        chance = random.Random(name)
        together.wait()
        for number in range(30):
            stroke = f"{name}-{number}"
            points = [chance.randrange(1000) for _ in range(20)]
            painter.draw(stroke, points, done=False)
            painter.draw(stroke, points, done=False)  # repeated, as after a lost connection
            painter.draw(stroke, points, at=10)
            if number % 3 == 0:
                painter.send("undo", id=stroke)

    threads = [threading.Thread(target=draw, args=(painter, f"p{n}")) for n, painter in enumerate(painters)]
    for thread in threads:
        thread.start()
    together.wait()
    painters.append(paint("late"))
    for thread in threads:
        thread.join(DEADLINE)
    last = max(at_end(painter, f"end-{number}") for number, painter in enumerate(painters))
    for painter in painters:
        while painter.seq < last:
            painter.read()
    assert len(painters[0].picture()) == 4 * 20
    assert all(painter.picture() == painters[0].picture() for painter in painters)
    assert all(len(points) == 40 for *_, points in painters[0].picture())


def at_end(painter: Painter, stroke: str) -> int:
    """Return the number of a change after all changes of this painter."""
    painter.draw(stroke, [0, 0])
    painter.send("undo", id=stroke)
    return int(painter.wait("undone", id=stroke)["seq"])


def test_only_ones_own_strokes_can_be_undone(paint: Seat) -> None:
    ada, grace = paint("ada"), paint("grace")
    ada.draw("s1", [1, 1])
    grace.wait("stroke")
    grace.send("undo", id="s1")
    error = grace.wait("error")
    assert (error["code"], error["field"], error["ref"]) == ("forbidden", "id", "s1")
    grace.draw("s1", [1, 1, 2, 2])
    assert grace.wait("error")["code"] == "forbidden"
    ada.send("undo", id="s1")
    grace.wait("undone")
    assert grace.picture() == []
    # A late repetition of the stroke does not restore it.
    ada.draw("s1", [1, 1])
    ada.draw("s2", [2, 2])
    assert grace.wait("stroke")["id"] == "s2"


def test_a_late_viewer_gets_a_large_board_and_a_stroke_in_progress(paint: Seat) -> None:
    ada = paint("ada")
    for number in range(60):
        ada.draw(f"s{number}", [number, 7] * 250)
    ada.draw("open", [1, 1], done=False)
    ada.wait("stroke", id="open")
    late = paint("late", join=False)
    late.send("join")
    pieces = [late.wait("board")]
    while pieces[-1]["more"]:
        pieces.append(late.wait("board"))
    assert len(pieces) > 3, "15,000 points in pieces"
    assert late.picture() == ada.picture()
    ada.draw("open", [2, 2], at=1)
    late.wait("points", id="open")
    assert late.picture()[-1][-1] == [1, 1, 2, 2]


def test_a_returning_viewer_gets_only_the_changes(paint: Seat) -> None:
    ada, grace = paint("ada"), paint("grace")
    ada.draw("s1", [1, 1])
    ada.draw("s2", [2, 2])
    grace.wait("stroke", id="s2")
    grace.socket.close()
    ada.send("undo", id="s1")
    ada.draw("s3", [3, 3])
    ada.wait("stroke", id="s3")
    again = paint("grace", join=False)
    piece = again.join(epoch=grace.epoch, since=grace.seq)
    assert [stroke["id"] for stroke in piece["strokes"]] == ["s1", "s3"]
    assert piece["reset"] is False
    other = paint("grace", join=False)
    piece = other.join(epoch="of a server before", since=grace.seq)
    assert piece["reset"] is True
    assert other.picture() == ada.picture()


def test_a_stroke_is_finished_when_its_author_leaves(paint: Seat) -> None:
    ada, grace = paint("ada"), paint("grace")
    ada.draw("s1", [1, 1], done=False)
    grace.wait("stroke")
    ada.socket.close()
    assert grace.wait("points") == {"type": "points", "seq": 2, "id": "s1", "at": 1, "points": [], "done": True}
    assert [member["user"] for member in grace.wait("members")["members"]] == ["grace"]


def test_cursors_follow_their_owners_and_disappear_with_them(paint: Seat) -> None:
    ada, grace = paint("ada"), paint("grace")
    ada.point(10, 20)
    ada.point(1600, 1000)
    wait_for_cursors(grace, {ada.member: (1600, 1000)})
    grace.point(5, 5)
    wait_for_cursors(grace, {ada.member: (1600, 1000), grace.member: (5, 5)})
    ada.point(0xFFFF, 0xFFFF)
    wait_for_cursors(grace, {grace.member: (5, 5)})
    ada.point(1, 1)
    wait_for_cursors(grace, {ada.member: (1, 1), grace.member: (5, 5)})
    ada.socket.close()
    wait_for_cursors(grace, {grace.member: (5, 5)})


def wait_for_cursors(painter: Painter, expected: dict[int, tuple[int, int]]) -> None:
    while painter.cursors != expected:
        painter.wait("cursors")


def test_a_hundred_moves_in_a_row_are_merged_into_few_frames(paint: Seat) -> None:
    ada, grace = paint("ada"), paint("grace")
    before = grace.cursor_frames
    for x in range(100):
        ada.point(x, 0)
    wait_for_cursors(grace, {ada.member: (99, 0)})
    assert grace.cursor_frames - before < 100


GARBAGE: dict[str, tuple[Any, str, str | None]] = {
    "not JSON": ("{", "not_json", None),
    "unknown type": ('{"type":"paint"}', "unknown_type", "type"),
    "unknown field": ('{"type":"undo","id":"a","x":1}', "invalid", "x"),
    "NaN": (
        '{"type":"draw","id":"a","at":0,"points":[NaN,1],"color":"#000000","width":1,"done":true}',
        "invalid",
        None,
    ),
    "odd": (
        '{"type":"draw","id":"a","at":0,"points":[1],"color":"#000000","width":1,"done":true}',
        "invalid",
        "points",
    ),
    "off the paper": (
        '{"type":"draw","id":"a","at":0,"points":[1,1001],"color":"#000000","width":1,"done":true}',
        "invalid",
        "points",
    ),
    "colour": ('{"type":"draw","id":"a","at":0,"points":[],"color":"red","width":1,"done":true}', "invalid", "color"),
    "hole": ('{"type":"draw","id":"a","at":9,"points":[1,1],"color":"#000000","width":1,"done":true}', "invalid", "at"),
    "cursor in JSON": ('{"type":"cursor","x":1000000,"y":1}', "unknown_type", "type"),
    "short cursor": (b"\x01\x00", "invalid", None),
    "cursor off the paper": (b"\x01\xff\xfe\x00\x00", "invalid", None),
    "empty binary": (b"", "invalid", None),
    "clear": ('{"type":"clear"}', "forbidden", "type"),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_gets_a_typed_error_and_the_connection_stays_open(paint: Seat, name: str) -> None:
    raw, code, field = GARBAGE[name]
    ada = paint("ada")
    ada.socket.send(raw)
    error = ada.wait("error")
    assert error["code"] == code
    if field is not None:
        assert error["field"] == field
    ada.draw("s1", [1, 1])
    assert ada.wait("stroke")["id"] == "s1"


def test_a_message_with_too_many_points_is_refused(paint: Seat) -> None:
    ada = paint("ada")
    ada.draw("s1", [1, 1] * 257)
    assert ada.wait("error")["field"] == "points"


def test_an_administrator_clears_the_board_for_present_and_returning_viewers(paint: Seat) -> None:
    ada, admin = paint("ada"), paint("root", roles=("admin",))
    ada.draw("s1", [1, 1])
    admin.wait("stroke")
    admin.send("clear")
    for painter in (ada, admin):
        painter.wait("cleared")
    assert ada.picture() == admin.picture() == []
    again = paint("ada", join=False)
    assert again.join(epoch=ada.epoch, since=1)["reset"] is True


@pytest.mark.parametrize("board", ["with%20blank", "x" * 65, "%F0%9F%8E%A8"])
def test_a_board_with_an_invalid_name_is_refused(server: Server, board: str) -> None:
    with at_board(server, "ada", board) as painter, pytest.raises(ConnectionClosed):
        painter.socket.recv(DEADLINE)
    assert (painter.socket.close_code, painter.socket.close_reason) == (1008, "board_name")


def test_sent_messages_match_their_documentation(paint: Seat) -> None:
    documented = {model.model_fields["type"].default: model for model in (*DIALECT.outgoing, *CONTROL_OUT)}
    ada = paint("ada", join=False)
    ada.send("join")
    ada.draw("s1", [1, 1], done=False)
    ada.draw("s1", [2, 2], at=1)
    ada.send("undo", id="s1")
    seen = set()
    while "undone" not in seen:
        message = ada.read()
        seen.add(message["type"])
        if message["type"] != "cursors":
            documented[message["type"]].model_validate(message)
    assert {"board", "members", "cursors", "stroke", "points", "undone"} <= seen


def test_a_viewer_that_does_not_read_is_dropped_and_holds_up_nobody(server: Server) -> None:
    """Strokes are never skipped, so a viewer that falls too far behind is dropped and must reconnect."""
    path = f"/draw/stalled?token={make_token('sleeper')}"
    before = server.ended("slow_consumer")
    with RawPeer(server, path, TINY_BUFFER) as sleeper:
        sleeper.send(1, b'{"type":"join"}')
        with at_board(server, "ada", "stalled") as ada:
            ada.join()
            while len(ada.wait("members")["members"]) < 2:
                pass
            for number in range(1_500):
                ada.draw(f"s{number}", [1600, 1000] * 250, color="#000000")
                ada.wait("stroke", id=f"s{number}")
                ada.send("undo", id=f"s{number}")
                ada.wait("undone", id=f"s{number}")
                if server_dropped(server, before, number):
                    break
            wait_until(lambda: server.ended("slow_consumer") == before + 1, "the sleeper is dropped")


def server_dropped(server: Server, before: int, number: int) -> bool:
    """Poll only now and then, since an HTTP request takes longer than a stroke."""
    return number % 100 == 99 and server.ended("slow_consumer") > before

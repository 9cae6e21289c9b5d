"""Tests of `/game/{match}` on a real server."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, cast

import pytest
from websockets.exceptions import ConnectionClosed

from target_app.connection import Connection
from target_app.game.messages import DIALECT
from target_app.game.rules import SEATS, Phase, Status
from target_app.match_sessions import MatchSession
from target_app.messages import CONTROL_OUT
from target_app.outbox import Outbox, Outgoing, Overflow
from target_app.services import Services
from target_app.settings import Settings
from tests.target_app.game.game_view import GameView
from tests.target_app.people import SECRET
from tests.target_app.players import Player, at_match
from tests.target_app.server import DEADLINE, Server, running, wait_until

Enter = Callable[..., Player]


@pytest.fixture(scope="module", params=["target_app", "target_app --direct"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Run each test with both writers."""
    settings: dict[str, Any] = {"secret": SECRET, "game_tick": 0.005, "max_connections_per_user": 50}
    with running(request.param, settings) as started:
        yield started


@pytest.fixture
def enter(server: Server) -> Iterator[Enter]:
    """Return a factory of players at a match of this test. With a name, they take a seat."""
    match = f"match{random.getrandbits(48):x}"
    with ExitStack() as stack:

        def come(user: str, name: str | None = None) -> Player:
            player = stack.enter_context(at_match(server, user, match))
            if name is not None:
                player.sit(name)
            return player

        yield come


def close_of(player: Player) -> tuple[int | None, str | None]:
    """Return the close code and reason, after all messages."""
    try:
        while True:
            player.socket.recv(DEADLINE)
    except ConnectionClosed:
        return player.socket.close_code, player.socket.close_reason


def test_two_players_and_a_spectator_see_the_same_field(enter: Enter) -> None:
    ada, grace, viewer = enter("ada", "Ada"), enter("grace", "Grace"), enter("mary")
    players = viewer.wait("players")
    while len(players["players"]) < 2:
        players = viewer.wait("players")
    assert [(player["name"], player["user"]) for player in players["players"]] == [("Ada", "ada"), ("Grace", "grace")]
    everybody = (ada, grace, viewer)
    ada.watch(lambda: ada.view.phase == Phase.PLAY, "the round begins")
    for _ in range(6):
        for direction in ("up", "right", "down", "left"):
            for player in (ada, grace):
                player.watch_turn(player.steer(direction))
    tick = max(player.view.tick for player in everybody) + 5
    seen = {}
    for player in everybody:
        while player.view.tick < tick:
            player.read()
        seen[player] = (player.view.tick, player.view.cells, player.view.seats)
    assert {state[0] for state in seen.values()} == {tick}
    assert seen[ada] == seen[grace] == seen[viewer]
    assert all(player.unusable == 0 for player in everybody)


def test_a_round_ends_and_the_next_begins(enter: Enter) -> None:
    ada, _ = enter("ada", "Ada"), enter("grace", "Grace")
    ada.watch(lambda: ada.view.phase == Phase.PLAY, "the round begins")
    ada.watch(lambda: ada.view.phase == Phase.OVER, "the round is over")
    ada.watch(lambda: ada.view.phase == Phase.READY, "the next round is near")


def test_a_single_player_can_warm_up(enter: Enter) -> None:
    ada = enter("ada", "Ada")
    ada.watch(lambda: ada.status(ada.seat) == Status.MOVING, "Ada moves")
    assert ada.view.phase == Phase.WARM_UP


def test_a_reconnecting_player_keeps_seat_land_and_numbers(enter: Enter) -> None:
    ada, grace = enter("ada", "Ada"), enter("grace", "Grace")
    seat, key = ada.seat, ada.key
    number = ada.steer("up")
    ada.watch_turn(number)
    ada.socket.close()
    grace.watch(lambda: grace.status(seat) == Status.AWAY, "Ada is seen to be away")
    stranger = enter("mary")
    assert stranger.sit("Thief", key)["seat"] != seat, "a key must not work for another user"
    again = enter("ada")
    seated = again.sit("Ada", key)
    assert (seated["seat"], seated["key"], seated["ack"]) == (seat, key, number)
    grace.watch(lambda: grace.status(seat) in (Status.MOVING, Status.DOWN), "Ada is back")
    again.watch_turn(again.steer("down"))


def test_a_seat_that_is_left_alone_for_too_long_is_free_again(enter: Enter) -> None:
    ada, grace = enter("ada", "Ada"), enter("grace", "Grace")
    ada.socket.close()
    grace.watch(lambda: grace.status(ada.seat) == Status.AWAY, "Ada is seen to be away")
    grace.watch(lambda: grace.status(ada.seat) is None, "her seat is given up")
    again = enter("ada")
    assert again.sit("Ada", ada.key)["key"] != ada.key


def test_a_newer_connection_takes_the_seat_and_the_older_is_closed_with_4003(enter: Enter) -> None:
    ada = enter("ada", "Ada")
    newer = enter("ada")
    assert newer.sit("Ada", ada.key)["seat"] == ada.seat
    assert close_of(ada) == (4003, "replaced_by_newer_connection")
    newer.watch_turn(newer.steer("up"))


def test_one_user_may_play_with_several_seats_and_the_ninth_only_watches(enter: Enter) -> None:
    seats = {enter("ada", f"Ada {number}").seat for number in range(SEATS)}
    assert seats == set(range(SEATS))
    ninth = enter("grace")
    ninth.send("sit", name="Grace")
    assert ninth.wait("error")["code"] == "unavailable"
    ninth.watch(lambda: len(ninth.view.seats) == SEATS, "she sees all eight")


def test_with_all_seats_taken_the_player_away_longest_loses_its_seat(enter: Enter) -> None:
    players = [enter("ada", f"Ada {number}") for number in range(SEATS)]
    grace = enter("grace")
    for number in (3, 0):
        players[number].socket.close()
        grace.watch(lambda number=number: grace.status(number) == Status.AWAY, f"{number} is away")  # type: ignore[misc]
    assert grace.sit("Grace")["seat"] == 3
    assert enter("alan", "Alan").seat == 0
    grace.watch_turn(grace.steer("up"))


def test_followers_receive_each_turn_once_in_one_order(enter: Enter) -> None:
    ada, grace, watcher = enter("ada", "Ada"), enter("grace", "Grace"), enter("watcher")
    for follower in (ada, watcher, watcher):  # a second request changes nothing
        follower.send("follow")
        follower.wait("following")
    for number in range(1, 11):
        for player, name in ((ada, "ada"), (grace, "grace")):
            player.send("turn", seq=number, direction="up", note=f"{name} {number}")
            player.send("turn", seq=number, direction="left", note="again")
    received = [[follower.wait("turned") for _ in range(20)] for follower in (ada, watcher)]
    assert received[0] == received[1]
    assert sorted(turn["note"] for turn in received[0]) == sorted(
        f"{n} {i}" for n in ("ada", "grace") for i in range(1, 11)
    )
    for seat in (ada.seat, grace.seat):
        assert [turn["seq"] for turn in received[0] if turn["seat"] == seat] == list(range(1, 11))
    grace.send("turn", seq=11, direction="up", note="the next that is told")
    assert watcher.wait("turned")["note"] == "the next that is told"


def test_a_player_that_leaves_its_seat_becomes_a_spectator(enter: Enter) -> None:
    ada = enter("ada", "Ada")
    ada.send("stand")
    ada.wait("stood")
    ada.watch(lambda: ada.view.tick > 0 and ada.view.seats == [], "the seat is free")
    assert ada.view.cells == bytes(len(ada.view.cells)), "the player's land must be removed"
    ada.steer("up")
    assert ada.wait("error")["code"] == "forbidden"
    assert enter("grace", "Grace").seat == 0


GARBAGE: dict[str, tuple[str, str, str | None]] = {
    "not JSON": ("]", "not_json", None),
    "unknown type": ('{"type":"shoot"}', "unknown_type", "type"),
    "no name": ('{"type":"sit"}', "invalid", "name"),
    "blank name": ('{"type":"sit","name":" "}', "invalid", "name"),
    "invisible name": ('{"type":"sit","name":"\u200b"}', "invalid", "name"),
    "long name": ('{"type":"sit","name":"' + "x" * 17 + '"}', "invalid", "name"),
    "direction": ('{"type":"turn","seq":1,"direction":"north"}', "invalid", "direction"),
    "number": ('{"type":"turn","seq":4294967296,"direction":"up"}', "invalid", "seq"),
    "fraction": ('{"type":"turn","seq":1.5,"direction":"up"}', "invalid", "seq"),
    "no seat": ('{"type":"turn","seq":1,"direction":"up"}', "forbidden", None),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_gets_a_typed_error_and_the_connection_lives(enter: Enter, name: str) -> None:
    raw, code, field = GARBAGE[name]
    ada = enter("ada")
    ada.socket.send(raw)
    error = ada.wait("error")
    assert (error["code"], error.get("field")) == (code, field)
    ada.sit("Ada")


def test_a_binary_frame_is_refused_with_1003(enter: Enter) -> None:
    ada = enter("ada")
    ada.socket.send(b"\x01")
    assert close_of(ada)[0] == 1003


def test_turns_of_the_past_and_floods_of_turns_have_no_effect(enter: Enter) -> None:
    ada = enter("ada", "Ada")
    ada.send("turn", seq=100, direction="up")
    ada.watch_turn(100)
    for number in range(1, 60):
        ada.send("turn", seq=number, direction="left")
    ada.send("turn", seq=101, direction="right")
    ada.watch_turn(101)
    assert ada.confirmed() == 101


def test_the_match_pauses_without_players_and_resumes_for_returning_ones(server: Server) -> None:
    with at_match(server, "ada", "lonely") as ada:
        ada.sit("Ada")
        ada.watch(lambda: ada.view.tick >= 3, "time passes")
        ticks, seed = ada.view.tick, ada.match["seed"]
    wait_until(lambda: server.stats()["open"] == 0, "everybody is gone")
    stood_at = server.stats()["counts"]["game.ticks"]
    with server.connect("/ws") as echo:  # other traffic continues meanwhile
        for _ in range(50):
            echo.send("x")
            echo.recv(DEADLINE)
    assert server.stats()["counts"]["game.ticks"] == stood_at
    with at_match(server, "ada", "lonely") as again:
        assert again.match["seed"] == seed
        assert again.sit("Ada", ada.key)["seat"] == ada.seat
        again.watch(lambda: again.view.tick > ticks, "time passes again")


def test_sent_messages_match_their_documentation(enter: Enter) -> None:
    documented = {model.model_fields["type"].default: model for model in (*DIALECT.outgoing, *CONTROL_OUT)}
    ada = enter("ada")
    documented["match"].model_validate(ada.match)
    ada.send("sit", name="Ada")
    ada.send("follow")
    ada.send("turn", seq=1, direction="up")
    ada.send("stand")
    seen: set[str] = set()
    while not {"stood", "turned"} <= seen:
        message = ada.read()
        seen.add(message["type"])
        if message["type"] != "frame":
            documented[message["type"]].model_validate(message)
    assert {"frame", "players", "seated", "following", "turned", "stood"} <= seen


class StuckViewer:
    """A connection whose peer does not read, with a real outbox."""

    def __init__(self) -> None:
        self.outbox = Outbox(8_000, Overflow.DROP_PEER)
        self.most_waiting = 0

    def deliver(self, message: Outgoing) -> None:
        assert self.outbox.put(message), "the outbox overflows, so the server would drop the connection"
        self.most_waiting = max(self.most_waiting, len(self.outbox))

    def send(self, data: str | bytes) -> None:
        self.deliver(Outgoing.of(data))


def test_a_viewer_that_stops_reading_skips_frames_and_recovers_with_the_latest() -> None:
    """The outbox holds a few seconds of frames at most."""

    async def scenario() -> None:
        services = Services.build(Settings())
        table, stuck, quick = MatchSession(services, "slow"), StuckViewer(), StuckViewer()
        with table.presence(cast("Connection", quick)), table.presence(cast("Connection", stuck)):
            for number in range(4):
                assert table.sit(cast("Connection", StuckViewer()), "ada", str(number), None)
            latest = b""
            for _ in range(1_000):
                table.tick()
                while (message := quick.outbox.take()) is not None:
                    latest = message.data if isinstance(message.data, bytes) else latest
            assert stuck.most_waiting <= 6
            view = GameView(48, 32)
            while (message := stuck.outbox.take()) is not None:
                if isinstance(message.data, bytes):
                    view.take(message.data)
            assert view.tick == 1_000 == int.from_bytes(latest[1:5], "big")
            assert len(view.seats) == 4

    asyncio.run(scenario())

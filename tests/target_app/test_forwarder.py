"""Tests that users on two workers share one board and one match, with a real Valkey server."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

import pytest
from websockets.exceptions import ConnectionClosed

from tests.target_app.painters import Painter, at_board
from tests.target_app.people import SECRET, close_of, dial, make_token
from tests.target_app.players import at_match
from tests.target_app.server import Server, running, wait_until
from tests.target_app.test_metrics import scraped
from tests.target_app.valkey import Valkey, valkey


@dataclass(frozen=True)
class Pair:
    """Two workers in separate processes, so that a test can choose one."""

    backplane: Valkey
    owner: Server
    """The first worker that is used becomes the owner, so tests enter here first."""
    other: Server


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with valkey(tmp_path_factory.mktemp("valkey")) as backplane, worker(backplane) as owner, worker(backplane) as other:
        yield Pair(backplane, owner, other)


def worker(backplane: Valkey, app: str = "target_app", name: str = "target_app") -> AbstractContextManager[Server]:
    rates: dict[str, object] = {"message_rate": 5_000, "user_message_rate": 5_000, "game_tick": 0.02}
    return running(app, {"secret": SECRET, "backplane_url": backplane.url, "backplane_name": name} | rates)


def undisturbed(scenario: Callable[[str], None]) -> None:
    """Run the scenario at a board or match of its own. A worker that gets no CPU time for seconds counts as dead, and
    its users are closed with 1012 or 1013. In that case, repeat the scenario elsewhere."""
    for attempts_left in reversed(range(5)):
        try:
            scenario(a_place())
            return
        except ConnectionClosed as closed:
            if closed.rcvd is None or closed.rcvd.code not in (1012, 1013) or not attempts_left:
                raise


def a_place() -> str:
    return f"place{random.getrandbits(48):x}"


def follow(painter: Painter, last: int) -> None:
    while painter.seq < last:
        painter.read()


def finish(painter: Painter, name: str) -> int:
    """Return the number of a change after all changes of this painter."""
    painter.draw(name, [0, 0])
    return int(painter.wait("stroke", id=name)["seq"])


def test_drawers_on_both_workers_and_late_viewers_see_the_same_picture(both: Pair) -> None:
    def scenario(place: str) -> None:
        with ExitStack() as stack:

            def come(server: Server, user: str) -> Painter:
                painter = stack.enter_context(at_board(server, user, place))
                painter.join()
                return painter

            painters = [come(both.owner, "ada"), come(both.other, "grace"), come(both.other, "mary")]
            for number in range(40):
                for painter, name in zip(painters, "agm", strict=True):
                    painter.draw(f"{name}{number}", [number, 1, number, 2], done=False)
                    painter.draw(f"{name}{number}", [number, 3], at=2)
                    if number % 4 == 0:
                        painter.send("undo", id=f"{name}{number}")
            painters += [come(both.other, "late"), come(both.owner, "later")]
            last = max(finish(painter, f"end{index}") for index, painter in enumerate(painters))
            for painter in painters:
                follow(painter, last)
            assert len(painters[0].picture()) == 3 * 30 + 5
            assert all(painter.picture() == painters[0].picture() for painter in painters)
            assert {painter.epoch for painter in painters} == {painters[0].epoch}
            wait_until(lambda: scraped(both.other, "target_app_connections", channel="relay") == 3, "three are relayed")

    undisturbed(scenario)


def test_cursors_errors_and_departures_are_forwarded(both: Pair) -> None:
    def scenario(place: str) -> None:
        with at_board(both.owner, "ada", place) as ada:
            ada.join()
            with at_board(both.other, "grace", place) as grace:
                grace.join()
                grace.point(10, 20)
                while ada.cursors != {grace.member: (10, 20)}:
                    ada.wait("cursors")
                grace.send("clear")
                assert grace.wait("error")["code"] == "forbidden"
                grace.draw("g1", [1, 1], done=False)
                ada.wait("stroke")
            assert ada.wait("points")["done"] is True
            while [member["user"] for member in ada.wait("members")["members"]] != ["ada"]:
                pass

    undisturbed(scenario)


def test_a_refusal_on_the_other_worker_has_its_code_and_reason(both: Pair) -> None:
    def scenario(place: str) -> None:
        with at_board(both.owner, "ada", place):
            with dial(both.other, f"/draw/{place}?token=nonsense") as socket:
                assert close_of(socket) == (1008, "invalid_token")
            with at_board(both.other, "grace", place) as grace:
                grace.socket.send(b"x" * 70_000)
                assert close_of(grace.socket)[0] == 1009

    undisturbed(scenario)


def test_two_users_of_two_workers_play_a_match_and_a_seat_moves_between_the_workers(both: Pair) -> None:
    def scenario(place: str) -> None:
        with at_match(both.owner, "ada", place) as ada, at_match(both.other, "watcher", place) as watcher:
            ada.sit("Ada")
            with at_match(both.other, "grace", place) as grace:
                grace.sit("Grace")
                assert {ada.seat, grace.seat} == {0, 1}
                for player in (ada, grace, watcher):
                    player.watch(lambda player=player: len(player.view.seats) == 2, "both are seen")  # type: ignore[misc]
                assert {player.match["seed"] for player in (ada, grace, watcher)} == {ada.match["seed"]}
                grace.watch_turn(grace.steer("up"))
                key = grace.key
            with at_match(both.owner, "grace", place) as back:
                assert back.sit("Grace", key)["seat"] == grace.seat
                with at_match(both.other, "grace", place) as newer:
                    newer.sit("Grace", key)
                    assert close_of(back.socket) == (4003, "replaced_by_newer_connection")
                    newer.watch_turn(newer.steer("left"))

    undisturbed(scenario)


def test_workers_below_a_root_path_share_a_board_and_a_match(both: Pair) -> None:
    """uvicorn puts the root path in front of every path, also of those that are forwarded to the owner."""
    app = "target_app.main:app --no-proxy-headers --root-path /below"
    with worker(both.backplane, app, "below") as owner, worker(both.backplane, app, "below") as other:

        def scenario(place: str) -> None:
            with at_board(owner, "ada", place) as ada, at_board(other, "grace", place) as grace:
                ada.join()
                grace.join()
                grace.draw("g", [1, 2])
                assert ada.wait("stroke", id="g")["by"] == "grace"
                wait_until(lambda: scraped(other, "target_app_connections", channel="relay") == 1, "one is relayed")
            with at_match(owner, "ada", place) as ada_plays, at_match(other, "grace", place) as grace_plays:
                ada_plays.sit("Ada")
                grace_plays.sit("Grace")
                assert {ada_plays.seat, grace_plays.seat} == {0, 1}

        undisturbed(scenario)


def test_a_viewer_on_the_other_worker_that_does_not_read_skips_frames_and_recovers(both: Pair) -> None:
    def scenario(place: str) -> None:
        with at_match(both.owner, "ada", place) as ada, at_match(both.other, "slow", place) as slow:
            ada.sit("Ada")
            start = ada.frames
            ada.watch(lambda: ada.frames > start + 100, "a hundred frames")
            slow.watch(lambda: slow.view.tick >= ada.view.tick, "the slow one is up to date")
            assert slow.unusable == 0

    undisturbed(scenario)


def test_without_the_backplane_an_owner_keeps_its_board_and_other_workers_report_the_outage(both: Pair) -> None:
    place = a_place()
    with at_board(both.owner, "ada", place) as ada:
        ada.join()
        ada.draw("s1", [1, 1])
        ada.wait("stroke")
        with at_board(both.other, "grace", place) as grace:
            grace.join()
            both.backplane.kill()
            assert close_of(grace.socket) == (1013, "owner_out_of_reach")
        with dial(both.other, f"/draw/new?token={make_token('grace')}") as refused:
            assert close_of(refused) == (1013, "owner_out_of_reach")
        ada.draw("s2", [2, 2])
        ada.wait("stroke", id="s2")
        both.backplane.start()
        strokes = [["s1", "s2"]] * 2
        wait_until(
            lambda: [picture(server, place) for server in (both.owner, both.other)] == strokes, "one board again"
        )
        for server in (both.owner, both.other):
            wait_until(lambda server=server: enters(server, a_place()), "and a while later new ones can be had, too")  # type: ignore[misc]


def test_when_the_owner_stops_its_members_move_to_the_other_worker(both: Pair) -> None:
    place = a_place()
    with worker(both.backplane) as owner, at_board(owner, "ada", place) as ada:
        ada.join()
        with at_board(both.other, "grace", place) as grace:
            grace.join()
            owner.process.terminate()
            assert close_of(grace.socket)[0] in (1012, 1013)
            wait_until(lambda: enters(both.other, place, but=grace.epoch), "the other worker takes the board over")


def picture(server: Server, board: str) -> list[str]:
    """Return the strokes that a new viewer sees; an empty list if it is refused."""
    try:
        with at_board(server, "viewer", board) as viewer:
            viewer.join()
            return [stroke for stroke, *_ in viewer.picture()]
    except ConnectionClosed:
        return []


def test_when_the_owner_crashes_its_members_move_to_the_other_worker(both: Pair) -> None:
    """Must be the last test of this file, since the owner does not restart."""
    place = a_place()
    with at_board(both.owner, "ada", place) as ada:
        ada.join()
        with at_board(both.other, "grace", place) as grace:
            grace.join()
            both.owner.process.kill()
            assert close_of(grace.socket)[0] in (1012, 1013)
            wait_until(lambda: enters(both.other, place, but=grace.epoch), "the other worker takes the board over")


def enters(server: Server, board: str, but: str = "") -> bool:
    """Return whether a board can be entered that is not the one named `but`."""
    try:
        with at_board(server, "grace", board) as grace:
            grace.join()
            return grace.epoch != but
    except ConnectionClosed:
        return False

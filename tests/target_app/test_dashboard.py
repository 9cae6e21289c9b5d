from __future__ import annotations

import json
import math
import time
from typing import Any

from websockets.sync.client import ClientConnection

from tests.target_app.conftest import Enter, EnterRaw, StartServer
from tests.target_app.peers import TEXT
from tests.target_app.server import DEADLINE, Server, wait_until


def readings(server: Server) -> int:
    """Return the number of readings since the server started."""
    return int(server.stats()["counts"].get("dashboard.readings", 0))


def viewers_gone(server: Server) -> None:
    wait_until(lambda: server.stats()["open"] == 0, "all viewers are gone")


def read(viewer: ClientConnection) -> dict[str, Any]:
    reading: dict[str, Any] = json.loads(viewer.recv(DEADLINE))
    return reading


def test_a_reading_is_made_of_finite_numbers_in_their_ranges(server: Server) -> None:
    with server.connect("/ws") as echo:
        echo.send("something to handle")
        echo.recv(DEADLINE)
        echo.send("and another, so that the first has been handled")
        echo.recv(DEADLINE)
        with server.connect("/dashboard-feed") as viewer:
            reading = read(viewer)
        assert set(reading) == {"cpu_usage", "memory_usage", "active_users", "response_time"}
        assert all(math.isfinite(value) for value in reading.values())
        assert 0 <= reading["cpu_usage"] <= 100
        assert 0 < reading["memory_usage"] <= 100
        assert reading["active_users"] == 2
        assert isinstance(reading["active_users"], int)
        assert reading["response_time"] > 0


def test_all_viewers_get_the_same_readings(start_server: StartServer, enter: Enter) -> None:
    server = start_server(dashboard_period=0.05)
    viewers = [enter(server, "/dashboard-feed") for _ in range(5)]
    streams = []
    for viewer in viewers:
        # The first reading that counts all five viewers is the same one for all of them.
        while (reading := read(viewer))["active_users"] != 5:
            pass
        streams.append([reading, *(read(viewer) for _ in range(5))])
    assert all(stream == streams[0] for stream in streams)


def test_a_new_viewer_gets_the_latest_reading_at_once(start_server: StartServer, enter: Enter) -> None:
    server = start_server(dashboard_period=3600)
    first = enter(server, "/dashboard-feed").recv(DEADLINE)
    # The next period ends in an hour. An extra reading would count two viewers, and would be counted.
    assert [enter(server, "/dashboard-feed").recv(DEADLINE) for _ in range(3)] == [first] * 3
    assert readings(server) == 1


def test_the_first_viewer_after_a_pause_gets_a_new_reading(start_server: StartServer) -> None:
    server = start_server(dashboard_period=3600)
    for count in (1, 2, 3):
        with server.connect("/dashboard-feed") as viewer:
            read(viewer)
            assert readings(server) == count
        viewers_gone(server)


def test_the_first_reading_of_a_new_viewer_is_followed_by_those_of_all_viewers(
    start_server: StartServer, enter: Enter
) -> None:
    server = start_server(dashboard_period=0.2)
    early = enter(server, "/dashboard-feed")
    seen = [early.recv(DEADLINE) for _ in range(3)]
    late = enter(server, "/dashboard-feed")
    got = [late.recv(DEADLINE) for _ in range(4)]
    while got != seen[-4:]:  # an idle machine may repeat a reading, so compare four in a row
        assert len(seen) < 50
        seen.append(early.recv(DEADLINE))


def test_one_producer_works_for_many_viewers(start_server: StartServer, enter: Enter) -> None:
    server = start_server(dashboard_period=0.05)
    viewers = [enter(server, "/dashboard-feed") for _ in range(10)]
    received = [viewers[0].recv(DEADLINE) for _ in range(20)]
    # With one producer per viewer, nearly ten times as many readings would have been made for these twenty.
    assert len(received) <= readings(server) < 5 * len(received)
    for viewer in viewers[1:]:
        assert [viewer.recv(DEADLINE) for _ in range(5)]


def test_the_producer_pauses_without_viewers_and_resumes(start_server: StartServer) -> None:
    period = 0.05
    server = start_server(dashboard_period=period)
    assert readings(server) == 0
    for _ in range(3):
        with server.connect("/dashboard-feed") as viewer:
            read(viewer)
            read(viewer)
        viewers_gone(server)
        stopped_at = readings(server)
        time.sleep(10 * period)  # give an unwanted reading time to happen
        assert readings(server) == stopped_at


def test_a_viewer_that_talks_or_dies_disturbs_no_other(server: Server, raw: EnterRaw) -> None:
    with server.connect("/dashboard-feed") as viewer:
        read(viewer)
        viewer.send("hello?")
        viewer.send(b"\x00\x01")
        raw(server, "/dashboard-feed").reset()
        raw(server, "/dashboard-feed").hang_up()
        loud = raw(server, "/dashboard-feed")
        for _ in range(100):
            loud.send(TEXT, b"x" * 1_000)
        loud.reset()
        for _ in range(5):
            read(viewer)

"""Tests that the known-bad baseline has the hazards that the harness must find in it."""

from __future__ import annotations

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.target_app.conftest import EnterRaw, StartServer
from tests.target_app.server import DEADLINE, Server, wait_until

SILENCE = 0.5
"""Seconds without a message that count as silence. A correct server sends one within milliseconds."""


def heard(client: ClientConnection, count: int, timeout: float) -> bool:
    """Return whether `count` messages come, each within `timeout` seconds of the one before."""
    try:
        return len([client.recv(timeout) for _ in range(count)]) == count
    except TimeoutError:
        return False


@pytest.fixture
def naive(start_server: StartServer) -> Server:
    return start_server("target_app.naive:app", dashboard_period=0.02, tracebacks_expected="its known faults")


def test_the_naive_server_works_with_well_behaved_clients(naive: Server) -> None:
    with naive.connect("/ws") as echo:
        echo.send("hello")
        assert echo.recv(DEADLINE) == "Message received: hello"
    with naive.connect("/ws/1") as one, naive.connect("/ws/2") as two:
        two.send("ready")
        assert one.recv(DEADLINE) == "Client #2 says: ready"
        assert [two.recv(DEADLINE), two.recv(DEADLINE)] == ["You: ready", "Client #2 says: ready"]
    with naive.connect("/dashboard-feed") as viewer:
        assert viewer.recv(DEADLINE) != viewer.recv(DEADLINE)


def test_c1_a_binary_frame_bricks_the_room_for_ever(naive: Server) -> None:
    with naive.connect("/ws/bad") as bad:
        bad.send(b"\x00")
        with pytest.raises(ConnectionClosed):
            bad.recv(DEADLINE)
    for newcomer in ("1", "2"):
        with naive.connect(f"/ws/{newcomer}") as talker:
            talker.send("hello?")
            assert talker.recv(DEADLINE) == "You: hello?"
            with pytest.raises(ConnectionClosed):
                talker.recv(DEADLINE)


def test_c4_a_member_that_never_reads_stalls_the_room(naive: Server, stalled: EnterRaw) -> None:
    sleeper = stalled(naive, "/ws/sleeper")
    with naive.connect("/ws/talker") as talker:
        sent_count = 0
        while heard(talker, 2, SILENCE) or sent_count == 0:  # the remaining answer and broadcast of the last message
            talker.send("x" * 60_000)
            sent_count += 1
            assert sent_count < 500, "30 MB went to a member that reads nothing"
        sleeper.reset()  # the room continues once the sleeper is gone
        assert heard(talker, 1, DEADLINE)


def test_d1_a_viewer_that_sends_binary_ends_the_dashboard_for_all(naive: Server) -> None:
    with naive.connect("/dashboard-feed") as bad, naive.connect("/dashboard-feed") as viewer:
        viewer.recv(DEADLINE)
        bad.send(b"\x00")

        wait_until(lambda: not heard(viewer, 1, SILENCE), "the feed falls silent")
        with naive.connect("/dashboard-feed") as newcomer:
            assert not heard(newcomer, 1, SILENCE)

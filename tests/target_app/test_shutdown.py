from __future__ import annotations

import signal

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.target_app.conftest import Enter, EnterRaw, StartServer
from tests.target_app.peers import flood_until_stuck
from tests.target_app.server import DEADLINE, STARTS, Server, wait_until


def stall_a_member(server: Server, stalled: EnterRaw) -> None:
    """Leave a member that does not read, but is not far enough behind to be dropped."""
    stalled(server, "/ws/sleeper")
    with server.connect("/ws/speaker") as speaker:
        # 2.6 MB and more fit into the kernel's buffers, and an outbox of 64 MB drops no member.
        for _ in range(80):
            speaker.send("x" * 60_000)
            speaker.recv(DEADLINE)
            speaker.recv(DEADLINE)
    assert server.stats()["open"] == 1


def close_code(client: ClientConnection) -> int | None:
    """Return the close code of the connection. Skips messages before it."""
    try:
        while True:
            client.recv(DEADLINE)
    except ConnectionClosed:
        return client.close_code


@pytest.mark.parametrize("app", STARTS)
def test_sigterm_ends_a_server_with_a_member_that_does_not_read(
    start_server: StartServer, stalled: EnterRaw, app: str
) -> None:
    server = start_server(app, outbox_bytes=64_000_000, write_timeout=3600)
    stall_a_member(server, stalled)
    assert server.stop() == -signal.SIGTERM
    assert "Traceback" not in server.log()


@pytest.mark.parametrize("app", STARTS)
def test_sigterm_ends_a_server_with_a_flooder_that_does_not_read(
    start_server: StartServer, stalled: EnterRaw, app: str
) -> None:
    server = start_server(app, write_timeout=3600)
    flood_until_stuck(stalled(server, "/ws"))
    assert server.stop() == -signal.SIGTERM
    assert "Traceback" not in server.log()


@pytest.mark.parametrize("app", ["target_app", "target_app --direct"])
def test_sigterm_closes_every_connection_with_1012_and_is_logged(
    start_server: StartServer, enter: Enter, app: str
) -> None:
    server = start_server(app)
    members = [enter(server, path) for path in ("/ws", "/ws/1", "/dashboard-feed")]
    server.process.terminate()
    for member in members:
        assert close_code(member) == 1012
    assert server.stop() == -signal.SIGTERM
    assert server.log().count("why=drained code=1012") == 3


@pytest.mark.parametrize("app", ["target_app", "target_app --direct"])
def test_a_peer_that_reads_nothing_for_the_write_timeout_is_dropped(
    start_server: StartServer, stalled: EnterRaw, app: str
) -> None:
    server = start_server(app, write_timeout=0.2)
    flood_until_stuck(stalled(server, "/ws"))
    wait_until(lambda: server.ended("slow_consumer") == 1, "the flooder has been dropped")
    wait_until(lambda: "cut sockets=1" in server.log(), "its socket has been cut")
    assert server.stats()["open"] == 0

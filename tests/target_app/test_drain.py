from __future__ import annotations

import json
import signal
from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from tests.target_app.conftest import Enter, EnterRaw, StartServer
from tests.target_app.peers import RawPeer, flood_until_stuck
from tests.target_app.server import DEADLINE, STARTS, Server, wait_until

POLITE = "tests.target_app.polite_channel:app"
DIRECT = " --ws target_app.direct:DirectWSProtocol"


def ending(client: ClientConnection, skipped: str | None = None) -> tuple[int | None, str | None]:
    """Return the close code and reason. Fails if a message other than `skipped` comes first."""
    try:
        while True:
            assert client.recv(DEADLINE) == skipped
    except ConnectionClosed:
        return client.close_code, client.close_reason


@pytest.mark.parametrize("app", STARTS)
def test_a_draining_server_accepts_no_connection_while_it_closes_many(start_server: StartServer, app: str) -> None:
    server = start_server(app, drain_seconds=600)  # much longer than the test, so only a second signal ends it
    assert server.get("/readyz").status_code == 200
    with ExitStack() as stack:
        for number in range(101):  # one more than are closed at once
            stack.enter_context(RawPeer(server, f"/ws/{number}"))
        server.process.terminate()
        wait_until(lambda: server.get("/readyz").status_code == 503, "it says that it is on its way out")
        with pytest.raises(InvalidStatus) as refused:
            server.connect("/ws/late")
        assert refused.value.response.status_code == 503
        assert int(refused.value.response.headers["Retry-After"]) > 0
        wait_until(lambda: server.ended("drained") == 100, "the first batch has gone")
        assert server.stats()["open"] == 1
        server.process.terminate()  # a second signal is passed on at once
        assert server.process.wait(DEADLINE) == -signal.SIGTERM
    assert "Traceback" not in server.log()


@pytest.mark.parametrize("app", [POLITE, POLITE + DIRECT])
def test_a_typed_channel_gets_the_time_to_reconnect(start_server: StartServer, enter: Enter, app: str) -> None:
    server = start_server(app, reconnect_spread=3)
    clients = [enter(server, "/polite") for _ in range(20)]
    server.process.terminate()
    pauses = []
    for client in clients:
        message = json.loads(client.recv(DEADLINE))
        assert message["type"] == "system.draining"
        pauses.append(message["reconnect_after_ms"])
        assert ending(client) == (1012, "draining")
    assert all(0 <= pause <= 3000 for pause in pauses)
    assert len(set(pauses)) > 1
    assert server.process.wait(DEADLINE) == -signal.SIGTERM


def test_every_worker_drains(start_server: StartServer, enter: Enter) -> None:
    server = start_server(POLITE + " --workers 2 --timeout-worker-healthcheck 60")
    clients = [enter(server, "/polite") for _ in range(20)]
    server.process.terminate()
    for client in clients:
        assert json.loads(client.recv(DEADLINE))["type"] == "system.draining"
        assert ending(client) == (1012, "draining")
    server.process.wait(DEADLINE)


@pytest.mark.parametrize("app", [POLITE, POLITE + DIRECT])
def test_a_connection_closed_from_elsewhere_still_sends_its_queue(
    start_server: StartServer, enter: Enter, app: str
) -> None:
    server: Server = start_server(app)
    client = enter(server, "/polite")
    client.send("close me")
    assert client.recv(DEADLINE) == "as you wish"
    assert ending(client) == (4004, "kicked")


@pytest.mark.parametrize("app", [POLITE, POLITE + DIRECT])
def test_a_peer_that_answers_no_ping_of_the_application_is_idle(
    start_server: StartServer, enter: Enter, app: str
) -> None:
    server = start_server(app, heartbeat_interval=0.1, idle_timeout=2)
    unresponsive, answering = enter(server, "/polite"), enter(server, "/polite")
    while server.ended("idle") < 1:
        assert answering.recv(DEADLINE) == '{"type":"ping"}'
        answering.send('{"type":"pong"}')
    assert ending(unresponsive, skipped='{"type":"ping"}') == (4006, "idle_timeout")
    assert server.ended("idle") == 1


@pytest.mark.parametrize("app", STARTS)
def test_a_stalled_peer_is_removed_within_the_ping_timeout_even_if_writes_wait(
    start_server: StartServer, stalled: EnterRaw, app: str
) -> None:
    server = start_server(app, ping_interval=0.5, ping_timeout=0.5, write_timeout=3600)
    flood_until_stuck(stalled(server, "/ws"))
    wait_until(lambda: server.stats()["open"] == 0, "it is gone")


@pytest.mark.parametrize("app", STARTS)
def test_a_peer_that_answers_no_protocol_ping_is_removed_and_announced(
    start_server: StartServer, raw: EnterRaw, enter: Enter, app: str
) -> None:
    server = start_server(app, ping_interval=0.2, ping_timeout=2)  # the observer must answer pings within this timeout
    observer = enter(server, "/ws/observer")
    raw(server, "/ws/gone")
    assert observer.recv(DEADLINE) == "Client #gone left the chat"
    assert server.stats()["open"] == 1

"""Tests that memory, sockets and connection slots of closed peers are released."""

from __future__ import annotations

import psutil

from tests.target_app.conftest import EnterRaw, StartServer
from tests.target_app.peers import RawPeer
from tests.target_app.server import DEADLINE, Server, wait_until
from tests.target_app.test_metrics import scraped

QUEUE = 24_000_000
TEXT = "x" * 60_000


def fall_behind(server: Server, stalled: EnterRaw, times: int) -> None:
    """Stop reading in one member until its queue is full and the server drops it."""
    peer = stalled(server, "/ws/sleeper")
    with server.connect("/ws/speaker") as speaker:
        sent = 0
        while server.ended("slow_consumer") < times:
            for _ in range(25):  # several between two polls, since a poll takes longer
                speaker.send(TEXT)
                sent += 1
                assert sent * len(TEXT) < 4 * QUEUE
                while speaker.recv(DEADLINE) != f"Client #speaker says: {TEXT}":
                    pass
    peer.socket.close()
    wait_until(lambda: scraped(server, "target_app_connections") == 0, "both have gone")


def test_memory_and_sockets_of_stalled_peers_are_released(start_server: StartServer, stalled: EnterRaw) -> None:
    server = start_server(outbox_bytes=QUEUE, write_timeout=3_600)
    process = psutil.Process(server.process.pid)
    sockets = len(process.net_connections())
    resident = []
    for times in range(1, 5):
        fall_behind(server, stalled, times)
        assert scraped(server, "target_app_queue_bytes") == 0
        wait_until(lambda: len(process.net_connections()) <= sockets, "no socket is left")
        resident.append(process.memory_info().rss)
    # A leak would be 24 MB per round. The first round also contains what the process needs anyway.
    assert resident[-1] - resident[0] < 1.5 * QUEUE, resident


def test_no_socket_and_no_connection_remains_after_many_resets(start_server: StartServer) -> None:
    server = start_server()
    process = psutil.Process(server.process.pid)
    before = process.num_fds()
    peers = [RawPeer(server, "/ws") for _ in range(200)]
    for peer in peers:
        peer.reset()
    wait_until(lambda: server.stats()["open"] == 0, "none is open")
    wait_until(lambda: process.num_fds() <= before, "none has a descriptor")

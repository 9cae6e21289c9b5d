"""Tests that both sources of TCP queue lengths agree about a connection of the test."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterable

import pytest

from tests.faulty import tcp_queues
from tests.faulty.quiet import _in_flight
from tests.faulty.tcp_queues import Queues

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux tells the queues of connections")
SOURCES = [tcp_queues._by_netlink, tcp_queues._by_proc]


@pytest.mark.parametrize("source", SOURCES)
def test_unread_bytes_are_in_the_queue_of_the_end_that_did_not_read_them(
    source: Callable[[int], Iterable[Queues]],
) -> None:
    if source is tcp_queues._by_netlink and not tcp_queues._has_netlink():
        pytest.skip("netlink is forbidden here")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client, listener.accept()[0] as server:
            server.sendall(b"12345")
            client.recv(5, socket.MSG_PEEK | socket.MSG_WAITALL)
            own = client.getsockname()[1]
            ends = {end.port: end for end in source(port)}
            assert ends[own].unread == 5
            assert ends[own].peer_port == port
            assert _in_flight(port)
            client.recv(5)
            ends = {end.port: end for end in source(port)}
            assert (ends[own].unread, ends[port].unread) == (0, 0)


def test_a_port_without_connections_has_nothing_in_flight() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert not _in_flight(listener.getsockname()[1])

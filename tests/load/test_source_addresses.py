"""Tests that connections use several source addresses if one has too few ports."""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from wsproof import UsageError
from wsproof.load import source_addresses
from wsproof.load.source_addresses import PER_ADDRESS, require_ports, source_of
from wsproof.load.worker.connector import Connector
from wsproof.load.worker.recorder import WorkerRecorder
from wsproof.load.worker.sockets import SocketOpener
from wsproof.load.worker.state import WorkerState
from wsproof.net.clock import Deadline
from wsproof.net.endpoint import Endpoint
from wsproof.wire import accept_key
from wsproof.workloads import load_channels

LOCAL, REMOTE = Endpoint("127.0.0.1", 80), Endpoint("192.0.2.1", 80)
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.1 is the only such address")


@on_linux
def test_members_are_distributed_over_the_addresses() -> None:
    assert source_of(PER_ADDRESS - 1, LOCAL) is None
    assert source_of(PER_ADDRESS, LOCAL) == ("127.0.0.2", 0)
    assert source_of(3 * PER_ADDRESS - 1, LOCAL) == ("127.0.0.3", 0)
    assert source_of(PER_ADDRESS, REMOTE) is None


@on_linux
def test_more_connections_than_ports_are_a_usage_error_with_the_number(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "range").write_text("32768\t60999\n")
    monkeypatch.setattr(source_addresses, "PORT_RANGE", tmp_path / "range")
    require_ports(28_232, REMOTE)
    require_ports(1_000_000, LOCAL)
    require_ports(28_233, replace(REMOTE, unix="/a/socket"))
    with pytest.raises(UsageError, match=r"28233 connections to 192\.0\.2\.1 .* which has 28232 for one server"):
        require_ports(28_233, REMOTE)


@on_linux
def test_the_port_of_a_source_address_is_chosen_on_connect() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        endpoint = Endpoint("127.0.0.1", listening.getsockname()[1])
        with asyncio.run(SocketOpener(endpoint).open(PER_ADDRESS)) as opened:
            assert opened.getsockopt(socket.IPPROTO_IP, 24) == 1  # IP_BIND_ADDRESS_NO_PORT
            address, port = opened.getsockname()
            assert (address, port > 0) == ("127.0.0.2", True)


@on_linux
def test_a_refused_connection_closes_the_socket() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        endpoint = Endpoint("127.0.0.1", listening.getsockname()[1])
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(SocketOpener(endpoint).open(PER_ADDRESS))


@on_linux
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_the_server_sees_the_source_addresses(loop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    factory = pytest.importorskip(loop).new_event_loop
    monkeypatch.setattr(source_addresses, "PER_ADDRESS", 2)
    seen: list[str] = []
    gone = asyncio.Semaphore(0)

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = next(line.split(": ")[1] for line in head.split("\r\n") if line.startswith("Sec-WebSocket-Key"))
        answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        writer.write(f"{answer}Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n".encode())
        seen.append(writer.get_extra_info("peername")[0])
        with suppress(ConnectionError):
            await reader.read()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        gone.release()

    async def run() -> None:
        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        workload = load_channels("tutorial")["echo"]
        room = WorkerState(WorkerRecorder(tmp_path, 0, workload))
        endpoint = Endpoint("127.0.0.1", server.sockets[0].getsockname()[1])
        await Connector(endpoint, workload, room).connect_all(range(5), Deadline.after(90))
        assert room.members_open == 5
        for connection in room.members.values():
            connection.abort()
        room.recorder.close()
        async with asyncio.timeout(90):
            for _ in range(5):
                await gone.acquire()
        server.close()
        await server.wait_closed()

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(run())
    assert sorted(seen) == ["127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.2", "127.0.0.3"]

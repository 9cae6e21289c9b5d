"""Tests of one connection of the small server, and of its feed, without sockets: the test orders all events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from unittest.mock import Mock

import pytest
from fastapi import WebSocket

from target_app.lite.connection import RESTART, SLOW_CONSUMER, SUBPROTOCOL, Connection
from target_app.lite.feed import Feed
from target_app.lite.settings import Settings

Story = Callable[[], Coroutine[Any, Any, None]]


class Peer:
    """A fake server library: the test decides what it receives, and when a send completes."""

    def __init__(self, settings: Settings, subprotocols: tuple[str, ...] = ()) -> None:
        self.says: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.says.put_nowait({"type": "websocket.connect"})
        self.reads = asyncio.Event()
        self.reads.set()
        self.is_broken = False
        self.got: list[Any] = []
        scope = {"type": "websocket", "path": "/ws", "headers": [], "subprotocols": subprotocols}
        self.connection = Connection(WebSocket(scope, self.says.get, self._send), settings)
        self.heard: list[str | bytes] = []
        self.task = asyncio.create_task(self.connection.run(self._channel))

    async def _send(self, event: Any) -> None:
        await self.reads.wait()
        if self.is_broken:
            raise OSError("the peer has gone")
        if event["type"] == "websocket.send":
            self.got.append(event.get("text"))
        elif event["type"] == "websocket.close":
            self.got.append((event["code"], event["reason"]))

    async def _channel(self, connection: Connection) -> None:
        async for message in connection:
            self.heard.append(message)

    def say(self, text: str) -> None:
        self.says.put_nowait({"type": "websocket.receive", "text": text})

    def leave(self) -> None:
        self.says.put_nowait({"type": "websocket.disconnect", "code": 1000})


async def turns() -> None:
    """Let all ready tasks run."""
    for _ in range(20):
        await asyncio.sleep(0)


def run_scenario(scenario: Story) -> None:
    asyncio.run(scenario())


def test_messages_sent_before_the_end_go_out_before_the_close() -> None:
    async def scenario() -> None:
        peer = Peer(Settings())
        await turns()
        peer.reads.clear()
        for number in range(3):
            peer.connection.send(f"{number}")
        await turns()
        peer.connection.end(RESTART)
        peer.connection.send("too late")
        await turns()
        assert peer.got == []
        peer.reads.set()
        await peer.task
        assert peer.got == ["0", "1", "2", (1012, "server_restart")]

    run_scenario(scenario)


def test_a_full_outbox_ends_only_peers_that_do_not_read() -> None:
    async def scenario() -> None:
        slow, quick = Peer(Settings(outbox_bytes=1000)), Peer(Settings(outbox_bytes=1000))
        await turns()
        slow.reads.clear()
        slow.connection.send("x")
        await turns()
        for peer in (slow, quick):
            for _ in range(100):
                peer.connection.send("y" * 100)
        await asyncio.wait_for(slow.task, 10)
        await turns()
        assert slow.got == []
        assert quick.got == ["y" * 100] * 100
        quick.leave()
        await quick.task

    run_scenario(scenario)


def test_a_flooding_peer_is_read_only_as_fast_as_it_reads_and_nothing_is_lost() -> None:
    class Echo(Peer):
        async def _channel(self, connection: Connection) -> None:
            async for message in connection:
                self.heard.append(message)
                connection.send(message)
                await connection.wait_turn()

    async def scenario() -> None:
        peer = Echo(Settings(outbox_bytes=10_000))
        await turns()
        peer.reads.clear()
        for number in range(1000):
            peer.say(f"{number:0100}")
        for _ in range(100):
            await turns()
        assert len(peer.heard) < 100
        peer.reads.set()
        for _ in range(1000):
            await turns()
        assert peer.got == [f"{number:0100}" for number in range(1000)]
        peer.leave()
        await peer.task

    run_scenario(scenario)


def test_a_failed_write_loses_no_message_that_the_peer_has_sent() -> None:
    async def scenario() -> None:
        peer = Peer(Settings())
        await turns()
        peer.is_broken = True
        peer.connection.send("an answer")
        await turns()
        peer.say("last words")
        peer.leave()
        await peer.task
        assert peer.heard == ["last words"]
        assert peer.got == []

    run_scenario(scenario)


def test_a_silent_peer_is_pinged_and_ended_only_if_it_supports_heartbeats() -> None:
    async def scenario() -> None:
        settings = Settings(heartbeat_interval=25, idle_timeout=60)
        knows, knows_not = Peer(settings, (SUBPROTOCOL,)), Peer(settings)
        await turns()
        now = asyncio.get_running_loop().time()
        for later in (20, 26, 30, 52):
            for peer in (knows, knows_not):
                peer.connection.check(now + later)
        await turns()
        assert knows.got == ["ping", "ping"]
        for peer in (knows, knows_not):
            peer.connection.check(now + 61)
        await knows.task
        assert knows.got[2:] == [(4006, "idle")]
        assert knows_not.got == []
        knows_not.leave()
        await knows_not.task

    run_scenario(scenario)


def test_a_pong_is_no_message_of_the_channel() -> None:
    async def scenario() -> None:
        peers = [Peer(Settings(), (SUBPROTOCOL,)), Peer(Settings())]
        for peer in peers:
            peer.say("pong")
            peer.leave()
            await peer.task
        assert [peer.heard for peer in peers] == [[], ["pong"]]

    run_scenario(scenario)


def test_a_fault_of_the_channel_is_1011_without_a_reason(caplog: pytest.LogCaptureFixture) -> None:
    class Faulty(Peer):
        async def _channel(self, connection: Connection) -> None:
            raise TimeoutError("of something else")

    async def scenario() -> None:
        peer = Faulty(Settings())
        await peer.task
        assert peer.got == [(1011, "internal_error")]

    run_scenario(scenario)
    assert "of something else" in caplog.text


def test_a_write_that_waits_too_long_ends_the_connection() -> None:
    async def scenario() -> None:
        peer = Peer(Settings(write_timeout=10))
        await turns()
        peer.reads.clear()
        peer.connection.send("x")
        await turns()
        now = asyncio.get_running_loop().time()
        peer.connection.check(now + 9)
        await turns()
        assert not peer.task.done()
        peer.connection.check(now + 11)
        await asyncio.wait_for(peer.task, 10)
        assert peer.connection._goodbye == SLOW_CONSUMER

    run_scenario(scenario)


def test_a_peer_that_leaves_pongs_unread_is_ended() -> None:
    async def scenario() -> None:
        peer = Peer(Settings(outbox_bytes=1000, max_message_bytes=100))
        transport = Mock(**{"is_closing.return_value": False, "get_write_buffer_size.return_value": 1200})
        peer.connection._transport = transport
        await turns()
        peer.connection.check(asyncio.get_running_loop().time())
        await turns()
        assert not peer.task.done()
        transport.get_write_buffer_size.return_value = 1201
        peer.connection.check(asyncio.get_running_loop().time())
        await asyncio.wait_for(peer.task, 10)
        assert peer.connection._goodbye == SLOW_CONSUMER

    run_scenario(scenario)


def test_one_producer_runs_while_there_are_viewers_and_none_otherwise() -> None:
    def producers() -> int:
        return sum(task.get_name() == "dashboard producer" for task in asyncio.all_tasks())

    async def scenario() -> None:
        feed = Feed(3600, lambda: 0)
        peers = [Peer(Settings()), Peer(Settings())]
        await turns()
        for _ in range(2):  # the producer also restarts
            with feed.viewing(peers[0].connection), feed.viewing(peers[1].connection):
                await turns()
                assert producers() == 1
            await turns()
            assert producers() == 0
        assert [len(peer.got) for peer in peers] == [2, 2]  # each viewing period begins with a reading
        for peer in peers:
            peer.leave()
            await peer.task

    run_scenario(scenario)

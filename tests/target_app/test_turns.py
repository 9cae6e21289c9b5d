"""Tests of one event-loop iteration, with connections on a fake wire that records every write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import WebSocket

from target_app.connection import Connection
from target_app.direct_writer import DirectWriter
from target_app.flusher import SLICE, Flusher
from target_app.frames import frame_of
from target_app.outbox import ENTRY_OVERHEAD_BYTES, Outbox, Overflow
from target_app.services import Services
from target_app.settings import Settings
from target_app.writers import DIRECT


class Wire:
    """Records the frames that are written."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.congested_since: float | None = None
        self.on_writable: Callable[[], None] = lambda: None

    def writer(self, outbox: Outbox, flusher: Flusher, failed: Callable[[], None]) -> DirectWriter:
        return DirectWriter(self, outbox, flusher, failed)

    def write(self, frames: bytes) -> bool:
        self.writes.append(frames)
        return True

    def end_within(self, seconds: float) -> None:
        raise AssertionError("nobody ends here")


def connected(services: Services, overflow: Overflow = Overflow.DROP_PEER) -> tuple[Connection, Wire]:
    wire = Wire()
    app = SimpleNamespace(state=SimpleNamespace(services=services))
    websocket = SimpleNamespace(app=app, scope={"path": "/news", "extensions": {DIRECT: wire}})
    return Connection(cast(WebSocket, cast(Any, websocket)), "news", overflow), wire


def joined(*texts: str) -> bytes:
    return b"".join(frame_of(text) for text in texts)


async def turn() -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)


@pytest.fixture
def services() -> Services:
    return Services.build(Settings(outbox_bytes=5 * (1 + ENTRY_OVERHEAD_BYTES)))


def test_publications_of_one_loop_iteration_are_one_shared_write(services: Services) -> None:
    async def scenario() -> list[list[bytes]]:
        (one, first), (two, second) = connected(services), connected(services)
        with services.hub.subscription("news", one), services.hub.subscription("news", two):
            for text in "abc":
                services.hub.publish("news", text)
            assert first.writes == []
            await turn()
            services.hub.publish("news", "d")
            await turn()
        return [first.writes, second.writes]

    first, second = asyncio.run(scenario())
    assert first == [joined("a", "b", "c"), joined("d")]
    assert all(one is two for one, two in zip(first, second, strict=True))


def test_direct_messages_keep_their_order_among_publications(services: Services) -> None:
    async def scenario() -> tuple[list[bytes], list[bytes]]:
        (one, first), (two, second) = connected(services), connected(services)
        hub = services.hub
        with hub.subscription("news", one), hub.subscription("sports", one), hub.subscription("news", two):
            hub.publish("news", "1")
            one.send("2")
            hub.publish("news", "3")
            hub.publish("sports", "4")
            hub.publish("news", "5")
            await turn()
            await turn()
        return first.writes, second.writes

    first, second = asyncio.run(scenario())
    assert b"".join(first) == joined("1", "2", "3", "4", "5")
    assert b"".join(second) == joined("1", "3", "5")


def test_no_connection_gets_publications_from_before_its_join_or_after_its_leave(services: Services) -> None:
    async def scenario() -> list[bytes]:
        (early, first), (late, second) = connected(services), connected(services)
        with services.hub.subscription("news", early):
            services.hub.publish("news", "1")
            with services.hub.subscription("news", late):
                services.hub.publish("news", "2")
            services.hub.publish("news", "3")
            await turn()
        return [b"".join(first.writes), b"".join(second.writes)]

    assert asyncio.run(scenario()) == [joined("1", "2", "3"), joined("2")]


def test_a_congested_connection_keeps_its_outbox_until_it_may_write(services: Services) -> None:
    async def scenario() -> list[list[bytes]]:
        (one, first), (two, second) = connected(services), connected(services)
        with services.hub.subscription("news", one), services.hub.subscription("news", two):
            first.congested_since = 1.0
            for text in "abc":
                services.hub.publish("news", text)
                await turn()
            before = list(first.writes)
            first.congested_since = None
            first.on_writable()
            services.hub.publish("news", "d")
            await turn()
        return [before, first.writes, second.writes]

    before, first, second = asyncio.run(scenario())
    assert before == []
    assert b"".join(first) == joined("a", "b", "c", "d")
    assert second == [joined(text) for text in "abcd"]


@pytest.mark.parametrize(
    ("overflow", "left"),
    [(Overflow.LATEST_WINS, "f"), (Overflow.DROP_OLDEST, "bcdef"), (Overflow.DROP_PEER, "")],
)
def test_a_congested_connection_follows_its_overflow_policy(services: Services, overflow: Overflow, left: str) -> None:
    async def scenario() -> list[bytes]:
        member, wire = connected(services, overflow)
        with services.hub.subscription("news", member):
            wire.congested_since = 1.0
            member.drop = lambda ending: member._outbox.discard()  # type: ignore[method-assign] # nobody iterates here
            for text in "abcdef":
                services.hub.publish("news", text)
                await turn()
            wire.congested_since = None
            wire.on_writable()
            await turn()
        return wire.writes

    assert b"".join(asyncio.run(scenario())) == joined(*left)


def test_many_connections_are_written_in_slices_and_miss_nothing(services: Services) -> None:
    async def scenario() -> list[list[bytes]]:
        crowd = [connected(services) for _ in range(2 * SLICE + 1)]
        subscriptions = [services.hub.subscription("news", member) for member, _ in crowd]
        for subscription in subscriptions:
            subscription.__enter__()
        services.hub.publish("news", "a")
        written = []
        for _ in range(4):
            await asyncio.sleep(0)
            written.append(sum(bool(wire.writes) for _, wire in crowd))
        assert written[0] < len(crowd)
        assert written[-1] == len(crowd)
        services.hub.publish("news", "b")
        for _ in range(4):
            await asyncio.sleep(0)
        return [wire.writes for _, wire in crowd]

    assert all(writes == [joined("a"), joined("b")] for writes in asyncio.run(scenario()))


def test_heavy_publishers_yield_to_the_writers(services: Services) -> None:
    async def scenario() -> list[bool]:
        member, _ = connected(services)
        hub = services.hub
        with hub.subscription("news", member):
            seen = []
            for _ in range(2):
                for _ in range(20):
                    hub.publish("news", "x")
                waiting = asyncio.create_task(hub.flusher.calm())
                seen.append(hub.flusher._calm.is_set())
                await waiting
                seen.append(hub.flusher._calm.is_set())
        return seen

    assert asyncio.run(scenario()) == [False, True, False, True]

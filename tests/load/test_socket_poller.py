"""Tests of socket polling on both event loops: readable, ended, removed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from wsproof.load.worker.socket_poller import SocketPoller

DEADLINE_S = 90


@pytest.fixture(params=[uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def factory(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = request.param
    return loop_factory


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0)


def test_a_failing_callback_is_reported_and_the_others_are_called(
    factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def scene() -> tuple[list[str], list[Any]]:
        loop = asyncio.get_running_loop()
        faults: list[Any] = []
        loop.set_exception_handler(lambda _, context: faults.append(context["exception"]))
        poller = SocketPoller(loop)
        called: list[str] = []
        pairs = [socket.socketpair() for _ in range(3)]

        def read(number: int) -> None:
            pairs[number][0].recv(1)
            called.append(f"read {number}")
            if number == 1:
                raise ValueError("on purpose")

        for number, (ours, theirs) in enumerate(pairs):
            poller.add(ours.fileno(), lambda number=number: read(number), lambda: None)  # type: ignore[misc]
            theirs.send(b"x")
        await until(lambda: len(called) == 3)
        poller.close()
        for pair in pairs:
            for end in pair:
                end.close()
        return sorted(called), faults

    with asyncio.Runner(loop_factory=factory) as runner:
        called, faults = runner.run(scene())
    assert called == ["read 0", "read 1", "read 2"]
    assert [str(fault) for fault in faults] == ["on purpose"]


def test_a_socket_that_another_callback_removes_is_not_called(factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def scene() -> list[int]:
        poller = SocketPoller(asyncio.get_running_loop())
        pairs = [socket.socketpair() for _ in range(2)]
        called: list[int] = []

        def read(number: int) -> None:
            called.append(number)
            for ours, _ in pairs:
                poller.remove(ours.fileno())

        for number, (ours, theirs) in enumerate(pairs):
            theirs.send(b"x")
            poller.add(ours.fileno(), lambda number=number: read(number), lambda: None)  # type: ignore[misc]
        await until(lambda: called)
        await asyncio.sleep(0)
        poller.close()
        for pair in pairs:
            for end in pair:
                end.close()
        return called

    with asyncio.Runner(loop_factory=factory) as runner:
        assert len(runner.run(scene())) == 1


def test_a_reset_calls_the_reader(factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def scene() -> None:
        poller = SocketPoller(asyncio.get_running_loop())
        with socket.create_server(("127.0.0.1", 0)) as listener:
            ours = socket.create_connection(listener.getsockname())
            theirs, _ = listener.accept()
        ended: list[type[Exception]] = []

        def read() -> None:
            try:
                ours.recv(1)
            except ConnectionResetError as error:
                ended.append(type(error))
                poller.remove(ours.fileno())

        poller.add(ours.fileno(), read, read)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        theirs.close()
        await until(lambda: ended)
        poller.close()
        ours.close()

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(scene())

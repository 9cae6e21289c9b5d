"""The backplane over a Redis or Valkey server: a publish/subscribe channel, with a reader and a sender per worker.

The server orders all messages. A worker receives its own messages from it, too, so the order is the same everywhere.
While the server is out of reach, each worker serves its own connections alone, and keeps trying to reconnect.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from target_app.backplane import BEAT, LEASE, Listeners
from target_app.cluster.liveness import Liveness

BEAT_INTERVAL = 1.0
"""Seconds between two heartbeats. They come back to their sender, too, which proves that the connection works."""

SILENCE = 4.0
"""Seconds without any message, even its own heartbeats, after which a connection counts as dead."""

COMMAND_TIMEOUT = 2.0
"""Seconds that one command may take."""

LONGEST_DELAY = 2.0
"""Maximum seconds between two attempts to reconnect. The first delay is a tenth of a second."""

MOST_REMEMBERED = 1_000
"""Number of own messages remembered as already delivered here, in case the server delivers them again."""

CLAIM = """
local owners = {}
for number, thing in ipairs(KEYS) do
    redis.call('SET', thing, ARGV[1], 'NX', 'EX', ARGV[2])
    owners[number] = redis.call('GET', thing)
    if owners[number] == ARGV[1] then redis.call('EXPIRE', thing, ARGV[2]) end
end
return owners
"""
RELEASE = """
for _, thing in ipairs(KEYS) do
    if redis.call('GET', thing) == ARGV[1] then redis.call('DEL', thing) end
end
return {}
"""

Result = TypeVar("Result")

FAILURES = (RedisError, OSError, TimeoutError, RuntimeError)
"""What the library raises if the Redis server cannot be reached. RuntimeError: uvloop, for a write to a connection that
the server has closed."""

logger = logging.getLogger("target_app")


def connect(url: str) -> Redis:
    """Return a client with one connection, for one command at a time, without automatic retries."""
    return Redis.from_url(
        url,
        decode_responses=True,
        single_connection_client=True,
        socket_timeout=COMMAND_TIMEOUT,
        socket_connect_timeout=COMMAND_TIMEOUT,
        retry=Retry(NoBackoff(), 0),
    )


async def shielded(work: Coroutine[Any, Any, Result]) -> Result:
    """Let the library finish a command, even if the caller is cancelled. In the middle of a command, the library often
    ignores the cancellation, and then the task (a connection, say) would not end."""
    return await asyncio.shield(asyncio.ensure_future(work))


class RedisBackplane(Listeners):
    """The backplane over Redis. `name` separates applications that share a server."""

    alone = False

    def __init__(self, url: str, name: str) -> None:
        super().__init__()
        self._url = url
        self._channel = f"{name}:backplane"
        self._number = 0
        self._sending = asyncio.Lock()
        self._delivered_here: deque[int] = deque(maxlen=MOST_REMEMBERED)
        self._connected = False
        self._was_up = False
        self._silence = Liveness(SILENCE)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def connected(self) -> bool:
        return self._connected

    async def start(self) -> None:
        """Start to listen. An unavailable server does not prevent the start, since it may come up later."""
        self._connect()
        attempted = asyncio.Event()
        self._tasks = [
            asyncio.create_task(self._keep_listening(attempted), name="backplane reader"),
            asyncio.create_task(self._beat(), name="backplane beat"),
        ]
        await attempted.wait()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self._close()

    async def publish(self, topic: str, payload: str) -> None:
        self._number += 1
        number = self._number
        if not await shielded(self._sent(json.dumps([self.worker, number, topic, payload]))):
            self._delivered_here.append(number)
            self._deliver(topic, payload)

    async def claim(self, things: Sequence[str]) -> dict[str, str]:
        return dict(zip(things, await shielded(self._ask(CLAIM, things)), strict=False))

    async def release(self, things: Sequence[str]) -> None:
        await shielded(self._ask(RELEASE, things))

    async def _ask(self, script: str, things: Sequence[str]) -> list[str]:
        async with self._sending:
            if self._connected and things:
                keys = [f"{self._channel}:{thing}" for thing in things]
                try:
                    answer = self._sender.execute_command("EVAL", script, len(keys), *keys, self.worker, LEASE)  # type: ignore[no-untyped-call]
                    return list(await answer)
                except FAILURES as failed:
                    self._lose(f"cannot claim: {failed}")
            return []

    async def _sent(self, message: str) -> bool:
        async with self._sending:
            if self._connected:
                try:
                    await self._sender.publish(self._channel, message)
                    return True
                except FAILURES as failed:
                    self._lose(f"cannot send: {failed}")
            return False

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_INTERVAL)
            try:
                await self.publish(BEAT, self.worker)
            except Exception:
                self.faults += 1
                logger.exception("fault task=%s", "backplane beat")
            self._silence.sent()
            if self._silence.is_too_long(asyncio.get_running_loop().time()):
                self._lose(f"heard nothing for {SILENCE} s")

    async def _keep_listening(self, attempted: asyncio.Event) -> None:
        delay = 0.1
        while True:
            self._was_up = False
            listening = self._listener.pubsub()
            try:
                async with asyncio.timeout(None) as self._reading_timeout:
                    await listening.subscribe(self._channel)
                    while True:
                        self._receive(await listening.get_message(timeout=None), attempted)
            except FAILURES as failed:
                logger.warning("backplane out of reach: %s", failed or type(failed).__name__)
            except Exception:  # for any exception: without a reader this worker would hear no other
                self.faults += 1
                logger.exception("fault task=%s", "backplane reader")
            finally:
                self._set_connected(False)  # before any await: the timeout of connected members is still running
                with suppress(*FAILURES):
                    await listening.aclose()  # type: ignore[no-untyped-call]
            await self._close()  # close both: a failure of one connection most likely affects the other
            self._connect()
            delay = 0.1 if self._was_up else min(LONGEST_DELAY, delay * 2)
            attempted.set()
            await asyncio.sleep(delay)

    def _connect(self) -> None:
        self._sender, self._listener = connect(self._url), connect(self._url)

    async def _close(self) -> None:
        async with self._sending:  # the library fails if a client is closed during a command
            for client in (self._sender, self._listener):
                with suppress(*FAILURES):
                    await client.aclose()

    def _receive(self, message: dict[str, Any] | None, attempted: asyncio.Event) -> None:
        self._silence.heard(asyncio.get_running_loop().time())
        if message is None:
            return
        if message["type"] == "subscribe":  # at first, and after a reconnect by the library
            self._was_up = True
            self._set_connected(True)
            attempted.set()
        elif message["type"] == "message":
            worker, number, topic, payload = json.loads(message["data"])
            if worker != self.worker or number not in self._delivered_here:
                self._deliver(topic, payload)

    def _lose(self, why: str) -> None:
        """Drop the connection and reconnect."""
        if self._connected:
            logger.warning("backplane %s", why)
            self._set_connected(False)
            self._reading_timeout.reschedule(asyncio.get_running_loop().time())

    def _set_connected(self, connected: bool) -> None:
        if connected or self._connected:
            self._connected = connected
            logger.info("backplane %s", "connected" if connected else "lost")
            self._report(connected)

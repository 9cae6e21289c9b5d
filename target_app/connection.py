"""One WebSocket: its messages in, its outbox and writer task out, and exactly one ending.

A channel uses it like this, and need not know more:

    async with serve(websocket, "news") as connection:
        with connection.services.hub.subscription("news", connection):
            async for message in connection:
                ...

Whatever ends the connection (the peer, a refusal, a write that fails, falling behind) leaves the `async for`, so the
channel's own clean-up stands in plain `with` and `finally` blocks, and runs before anybody waits for the dying peer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import WebSocket, WebSocketDisconnect

from target_app.endings import (
    CANCELLED,
    FAULT,
    FINISHED,
    LOST,
    MESSAGE_TOO_BIG,
    NO_STATUS,
    SLOW_CONSUMER,
    Ending,
    Refusal,
    Why,
    ending_of_disconnect,
)
from target_app.eviction import Addresses
from target_app.outbox import Outbox, Outgoing, Overflow
from target_app.services import Services

GOODBYE_TIMEOUT = 1.0
"""Seconds that the last messages and the close frame may wait for the peer. At a stalled one uvicorn's close never
returns, so there has to be an end to it."""

SEND_FAILURES = (WebSocketDisconnect, RuntimeError, OSError)
"""What a send raises when the peer or the server library is already done with the connection. RuntimeError is how
uvicorn and Starlette say "after close"."""

logger = logging.getLogger("target_app")


class Connection:
    """One peer of one channel. Iterate over it for the peer's messages: `str` for text, `bytes` for binary."""

    def __init__(self, websocket: WebSocket, channel: str, overflow: Overflow) -> None:
        self.services = Services.of(websocket)
        self.addresses = Addresses.of_scope(websocket.scope)
        self._channel = channel
        self._websocket = websocket
        self._outbox = Outbox(self.services.settings.outbox_bytes, overflow)
        self._ending: Ending | None = None
        self._is_deaf = False
        self._scope = asyncio.timeout(None)
        self._writer: asyncio.Task[None] | None = None
        self._writing_since: float | None = None
        self._handling_since_ns: int | None = None
        self._began = time.monotonic()
        self._received = 0
        self._sent = 0

    # Out: everything goes through the outbox, so that it leaves in the order in which it was put in.

    def deliver(self, message: Outgoing) -> None:
        """Queue a message and return at once; a peer too far behind is dropped instead."""
        if self._ending is None and not self._is_deaf and not self._outbox.put_nowait(message):
            self.drop(SLOW_CONSUMER)

    def send(self, data: str | bytes) -> None:
        """Queue a message to this peer alone; never waits."""
        self.deliver(Outgoing.of(data))

    async def wait_room(self) -> None:
        """Wait until this peer has read most of what it was sent. Nobody else waits with it.

        Called after answering a message, it reads a flooding peer as fast as that peer reads. Not counted as
        handling time.
        """
        self._note_handled()
        await self._outbox.wait_room()

    def writing_since(self) -> float | None:
        """Loop time at which the write in progress began; None between writes."""
        return self._writing_since

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while (message := await self._outbox.get()) is not None:
                self._writing_since = loop.time()
                if isinstance(message.data, str):
                    await self._websocket.send_text(message.data)
                else:
                    await self._websocket.send_bytes(message.data)
                self._writing_since = None
                self._sent += 1
        except SEND_FAILURES:
            self._hear_out()

    def _hear_out(self) -> None:
        """The peer hears us no more, but what it said last may still wait to be read, and is owed to the others.

        uvicorn refuses our sends as soon as it has read a close frame, while messages from before it are still queued.
        """
        self._is_deaf = True
        self._writing_since = None
        self._outbox.discard()
        asyncio.get_running_loop().call_later(GOODBYE_TIMEOUT, self.drop, LOST)

    # In.

    def __aiter__(self) -> Connection:
        return self

    async def __anext__(self) -> str | bytes:
        self._note_handled()
        # receive() does not give way while messages are there. Writers must get their turn between two messages of an
        # eager peer, or its burst would overflow the outboxes of innocent ones.
        await asyncio.sleep(0)
        event = await self._websocket.receive()
        if event["type"] == "websocket.disconnect":
            self._end(ending_of_disconnect(event.get("code") or NO_STATUS))
            raise StopAsyncIteration
        self._handling_since_ns = time.perf_counter_ns()
        self._received += 1
        text: str | None = event.get("text")
        message: str | bytes = event["bytes"] if text is None else text
        self._check_size(message)
        return message

    def _note_handled(self) -> None:
        if self._handling_since_ns is not None:
            self.services.handling_times.add(time.perf_counter_ns() - self._handling_since_ns)
            self._handling_since_ns = None

    def _check_size(self, message: str | bytes) -> None:
        limit = self.services.settings.max_message_bytes
        if len(message) * 4 <= limit:  # a character takes at most 4 bytes: most messages need not be encoded for this
            return
        if len(message.encode() if isinstance(message, str) else message) > limit:
            raise Refusal(MESSAGE_TOO_BIG, "message_too_big")

    # The end.

    def drop(self, ending: Ending) -> None:
        """End the connection from anywhere, without waiting: the channel's loop is left at its next await."""
        if self._ending is None:
            self._end(ending)
            self._scope.reschedule(asyncio.get_running_loop().time())

    def _end(self, ending: Ending) -> Ending:
        """The first ending is the one that counts."""
        self._ending = self._ending or ending
        return self._ending

    def _begin(self) -> None:
        self.services.roster.add(self)
        self._writer = asyncio.create_task(self._write(), name=f"writer of {self._channel}")

    async def _finish(self) -> None:
        ending = self._end(FINISHED)
        roster = self.services.roster
        roster.remove(self, ending)
        self._log(ending)
        stuck_for = 0.0 if self._writing_since is None else asyncio.get_running_loop().time() - self._writing_since
        stuck = stuck_for > 0
        try:
            await self._stop_writer(flush=ending.flushes)
            if ending.says_goodbye and stuck_for < GOODBYE_TIMEOUT:
                stuck = not await self._say_goodbye(ending)
        finally:
            if self.addresses is not None:
                roster.cut_after(self.addresses, self._grace(ending, stuck=stuck))

    async def _stop_writer(self, *, flush: bool) -> None:
        assert self._writer is not None
        if flush:
            self._outbox.close()
            await asyncio.wait({self._writer}, timeout=GOODBYE_TIMEOUT)
        self._writer.cancel()
        await asyncio.wait({self._writer})

    async def _say_goodbye(self, ending: Ending) -> bool:
        """Send the close frame. False: the peer does not read, so it could not be sent."""
        try:
            async with asyncio.timeout(GOODBYE_TIMEOUT):
                await self._websocket.close(ending.code, ending.reason)
        except TimeoutError:
            return False
        except SEND_FAILURES:
            pass  # gone meanwhile, which is what we want
        return True

    def _grace(self, ending: Ending, *, stuck: bool) -> float:
        """Seconds that the socket gets to go by itself."""
        if stuck:
            return 0.0
        return GOODBYE_TIMEOUT if ending.why is Why.SHUTDOWN else self.services.settings.close_timeout

    def _log(self, ending: Ending) -> None:
        logger.info(
            "ended channel=%s why=%s code=%d reason=%s seconds=%.3f received=%d sent=%d",
            self._channel,
            ending.why,
            ending.code,
            ending.reason or "-",
            time.monotonic() - self._began,
            self._received,
            self._sent,
        )


@asynccontextmanager
async def serve(
    websocket: WebSocket, channel: str, overflow: Overflow = Overflow.DROP_PEER
) -> AsyncIterator[Connection]:
    """Accept a WebSocket and see it through to its end. Nothing but the cancellation of the endpoint gets out."""
    await websocket.accept()
    connection = Connection(websocket, channel, overflow)
    connection._begin()
    try:
        async with connection._scope:
            yield connection
    except Refusal as refusal:
        connection._end(refusal.ending)
    except asyncio.CancelledError:
        connection._end(CANCELLED)
        raise
    except Exception as fault:
        dropped = isinstance(fault, TimeoutError) and connection._scope.expired()
        if not dropped:
            logger.exception("fault channel=%s", channel)
            connection._end(FAULT)
    finally:
        await connection._finish()

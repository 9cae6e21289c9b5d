"""One WebSocket: received messages, an outbox with its writer, and exactly one end.

A channel uses it like this:

    async with serve(websocket, "news") as connection:
        with connection.services.hub.subscription("news", connection):
            async for message in connection:
                ...

The `async for` loop ends with the connection, whatever the cause (the peer, a refusal, a failed write, a slow reader).
So a channel cleans up in plain `with` and `finally` blocks. They run before the server waits for the peer to close.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import WebSocket

from target_app.close_reasons import (
    CANCELLED,
    FAULT,
    FINISHED,
    LOST,
    MESSAGE_TOO_BIG,
    NO_STATUS,
    POLICY_VIOLATION,
    SLOW_CONSUMER,
    CloseCause,
    ConnectionEnd,
    Refusal,
    end_of_disconnect,
)
from target_app.flusher import Batch
from target_app.outbox import Outbox, Outgoing, Overflow
from target_app.standard_writer import SEND_FAILURES, StandardWriter
from target_app.writers import DIRECT, Wire, Writer

if TYPE_CHECKING:  # Types of arguments only. A channel without a login needs only the files imported above.
    from target_app.heartbeats import Heartbeat
    from target_app.hub import Channel
    from target_app.limits import TokenBucket
    from target_app.services import Services

LAST_MESSAGES_TIMEOUT = 1.0
"""Seconds that the last messages and the close frame may take. For a peer that does not read, uvicorn's close never
returns."""

MESSAGES_IN_A_ROW = 16
"""Messages of one peer that are handled before other tasks run. receive() does not yield while messages are queued."""

StopNotice = Callable[[int], str | bytes]
"""Returns the message that announces a planned stop. The argument: milliseconds until the peer should reconnect."""

logger = logging.getLogger("target_app")


def route_path(scope: MutableMapping[str, Any]) -> str:
    """Return the path of the route, without the prefix under which the application is mounted (`--root-path`)."""
    path, root = str(scope["path"]), scope.get("root_path", "")
    return path.removeprefix(root) if path.startswith(f"{root}/") else path


def _services_of(websocket: WebSocket) -> Services:
    services: Services = websocket.app.state.services
    return services


class ChannelClosed(Exception):
    """Raised if a channel without a login is disabled by `TARGET_APP_OPEN_CHANNELS=false`. Answered with `refuse`."""


class Connection:
    """One peer of one channel. Iterate over it for the peer's messages: `str` for text, `bytes` for binary."""

    def __init__(self, websocket: WebSocket, channel: str, overflow: Overflow) -> None:
        self.services = _services_of(websocket)
        self.channel = channel
        self.path = route_path(websocket.scope)
        self.began = time.monotonic()
        self.heartbeat: Heartbeat | None = None
        self.stop_notice: StopNotice | None = None
        self.lane: Channel | None = None
        self.seen = 0
        self.pace: TokenBucket | None = None
        self._websocket = websocket
        self._wire: Wire | None = websocket.scope.get("extensions", {}).get(DIRECT)
        self.addresses = self.services.roster.addresses_of(websocket.scope)
        self._outbox = Outbox(self.services.settings.outbox_bytes, overflow)
        self._flusher = self.services.hub.flusher
        self._writer = self._make_writer()
        self._writer.lag = self.services.traffic.channels[channel].lag
        self._ending: ConnectionEnd | None = None
        self._cannot_send = False
        self._scope = asyncio.timeout(None)
        self._handling_since_ns: int | None = None
        self._heard_at = self.began
        self.received = 0
        """Number of messages from this peer."""

    def _make_writer(self) -> Writer:
        if self._wire is None:
            return StandardWriter(self._websocket, self._outbox, self._stop_sending)
        return self._wire.writer(self._outbox, self._flusher, self._stop_sending)

    # Outgoing messages. All go through the outbox, so they are sent in the order in which they were queued.

    def deliver(self, message: Outgoing) -> None:
        """Queue a message without waiting. A peer that is too far behind is dropped instead."""
        if self._ending is not None or self._cannot_send:
            return
        if self.lane is not None and self.seen < len(self.lane.pending):
            self.lane.catch_up(self)
        if not self._outbox.put(message):
            self.drop(SLOW_CONSUMER)
        elif not self._writer.is_marked:
            self._flusher.mark(self._writer)

    def deliver_batch(self, batch: Batch) -> None:
        """Deliver the publications of one iteration. They are written at once if no other message waits."""
        if self.seen:
            batch = batch.since(self.seen)
            self.seen = 0
        if self._ending is not None or self._cannot_send or not batch.messages:
            return
        if not self._writer.write_now(batch):
            for message in batch.messages:
                self.deliver(message)

    def send(self, data: str | bytes) -> None:
        """Queue a message to this peer alone, without waiting."""
        self.deliver(Outgoing.of(data))

    async def wait_room(self) -> None:
        """Wait until this peer has read most of its messages. No other connection waits.

        A channel calls this after each answer, so that it reads a flooding peer only as fast as the peer reads. The
        wait does not count as handling time.
        """
        self._note_handled()
        await self._outbox.wait_room()

    def stuck_since(self) -> float | None:
        """The loop time since which data has waited for the peer; None if none waits."""
        return self._writer.stuck_since()

    @property
    def queued_bytes(self) -> int:
        """The bytes that wait for this peer in the outbox."""
        return self._outbox.waiting_bytes

    @property
    def sent(self) -> int:
        """Messages handed to the server library or the transport."""
        return self._writer.sent

    @property
    def skipped(self) -> int:
        """Number of messages that were replaced by newer ones while this peer was behind."""
        return self._outbox.skipped

    def _stop_sending(self) -> None:
        """Stop sending, but handle the messages that the peer sent before it left, because other peers expect them.

        uvicorn rejects sends as soon as it has read a close frame, while earlier messages are still queued.
        """
        if not self._cannot_send:
            self._cannot_send = True
            self._outbox.discard()
            asyncio.get_running_loop().call_later(LAST_MESSAGES_TIMEOUT, self.drop, LOST)

    # Incoming messages.

    def __aiter__(self) -> Connection:
        return self

    async def __anext__(self) -> str | bytes:
        self._note_handled()
        # Let pending writes run between two messages of a peer that sends fast. Otherwise its burst would overflow the
        # outboxes of other peers. If the writer is a task, yield to the event loop for every message.
        if self.received % MESSAGES_IN_A_ROW == 0 or not self._writer.is_prompt:
            await asyncio.sleep(0)
        await self._flusher.calm()
        event = await self._websocket.receive()
        if event["type"] == "websocket.disconnect":
            self._end(end_of_disconnect(event.get("code") or NO_STATUS))
            raise StopAsyncIteration
        self._handling_since_ns = time.perf_counter_ns()
        self._heard_at = time.monotonic()
        self.received += 1
        if self.pace is not None and not self.pace.take(self._heard_at):
            raise Refusal(POLICY_VIOLATION, "too_many_messages")
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
        if len(message) * 4 <= limit:  # a character takes at most 4 bytes, so most messages need not be encoded
            return
        if len(message.encode() if isinstance(message, str) else message) > limit:
            raise Refusal(MESSAGE_TOO_BIG, "message_too_big")

    def beat(self, now: float) -> None:
        """Send the application's ping if it is due, or drop a silent peer. `now` is time.monotonic()."""
        if self.heartbeat is None:
            return
        ending = self.heartbeat.ending(now - self._heard_at)
        if ending is not None:
            self.drop(ending)
        elif self.heartbeat.is_due(now, self._heard_at):
            self.send(self.heartbeat.text)

    # Closing.

    def drop(self, ending: ConnectionEnd) -> None:
        """End the connection from anywhere, without waiting. The channel's loop ends at its next await."""
        if self._ending is None:
            if ending.flushes and self.lane is not None:
                self.lane.catch_up(self)
            self._end(ending)
            self._scope.reschedule(asyncio.get_running_loop().time())

    def close(self, code: int, reason: str) -> None:
        """End the connection on purpose, from anywhere, without waiting. Queued messages are still sent."""
        self.drop(ConnectionEnd(CloseCause.CLOSED, code, reason))

    def announce_stop(self, reconnect_after_ms: int) -> None:
        """Announce a planned stop, if the channel has a message for it."""
        if self.stop_notice is not None:
            self.send(self.stop_notice(reconnect_after_ms))

    def _end(self, ending: ConnectionEnd) -> ConnectionEnd:
        """Record how the connection ended. The first ending counts."""
        self._ending = self._ending or ending
        return self._ending

    async def _finish(self) -> None:
        ending = self._end(FINISHED)
        self.services.roster.remove(self, ending)
        if ending.why is CloseCause.REFUSED:
            self.services.counts[f"refused.{ending.reason}"] += 1
        self._log(ending)
        since = self.stuck_since()
        stuck_for = 0.0 if since is None else asyncio.get_running_loop().time() - since
        stuck = stuck_for > 0
        try:
            if ending.flushes:
                await self._writer.finish(LAST_MESSAGES_TIMEOUT)
            await self._writer.stop()
            if ending.needs_close_frame and stuck_for < LAST_MESSAGES_TIMEOUT:
                stuck = not await self._send_close_frame(ending)
        finally:
            self.services.traffic.leave(self, ending)
            self._cut_after(self._grace(ending, stuck=stuck))

    def _cut_after(self, seconds: float) -> None:
        if self._wire is not None:
            self._wire.end_within(seconds)
        elif self.addresses is not None:
            self.services.roster.cut_after(self.addresses, seconds)

    async def _send_close_frame(self, ending: ConnectionEnd) -> bool:
        """Send the close frame. Returns False if the peer does not read, so that it could not be sent."""
        try:
            async with asyncio.timeout(LAST_MESSAGES_TIMEOUT):
                await self._websocket.close(ending.code, ending.reason)
        except TimeoutError:
            return False
        except SEND_FAILURES:
            pass  # the peer has gone, so nothing is left to close
        return True

    def _grace(self, ending: ConnectionEnd, *, stuck: bool) -> float:
        """Return the seconds that the socket gets to close by itself."""
        if stuck:
            return 0.0
        stops = ending.why in (CloseCause.SHUTDOWN, CloseCause.DRAINED)
        return LAST_MESSAGES_TIMEOUT if stops else self.services.settings.close_timeout

    def _log(self, ending: ConnectionEnd) -> None:
        logger.info(
            "ended channel=%s why=%s code=%d reason=%s seconds=%.3f received=%d sent=%d",
            self.channel,
            ending.why,
            ending.code,
            ending.reason or "-",
            time.monotonic() - self.began,
            self.received,
            self.sent,
        )


async def refuse(websocket: WebSocket, refusal: Refusal, subprotocol: str | None = None) -> None:
    """Accept and close at once, so that a browser sees the code and the reason."""
    async with serve(websocket, "gate", subprotocol=subprotocol, has_login=True):
        raise refusal


@asynccontextmanager
async def serve(
    websocket: WebSocket,
    channel: str,
    overflow: Overflow = Overflow.DROP_PEER,
    *,
    subprotocol: str | None = None,
    heartbeat: Heartbeat | None = None,
    stop_notice: StopNotice | None = None,
    has_login: bool = False,
) -> AsyncIterator[Connection]:
    """Accept a WebSocket and serve it until its end. Only the cancellation of the endpoint is raised.

    `heartbeat` and `stop_notice` are for channels whose peers understand an application's ping and its announced stop.
    `has_login` is for channels that authenticate the peer and count its messages themselves. All other channels are
    open: they have no warnings, so the server closes with 1008 after too many messages. One setting closes all open
    channels (raises ChannelClosed).
    """
    if not has_login and not _services_of(websocket).settings.open_channels:
        raise ChannelClosed
    await websocket.accept(subprotocol=subprotocol)
    connection = Connection(websocket, channel, overflow)
    connection.heartbeat = heartbeat
    connection.stop_notice = stop_notice
    if not has_login:
        connection.pace = connection.services.pace_of(websocket, connection.began)
    connection.services.roster.add(connection)
    connection.services.traffic.enter(connection)
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

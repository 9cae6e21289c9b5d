"""One WebSocket from its accept to its end: a reader with limits, a bounded outbox, and the one task that writes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from fastapi import WebSocket, WebSocketDisconnect

from .outbox import Goodbye, Outbox
from .settings import Settings

SUBPROTOCOL = "lite.v1"
"""A client that offers this subprotocol understands the application's heartbeat.

The server sends a text `ping`, and the client answers with a text `pong`. The tutorial's clients would take it for a
message. Browsers do not show protocol pings to scripts. So this is how a page finds out that the server is gone, and
the server that a page hangs [11, E9].
"""

RESTART = Goodbye(1012, "server_restart")
SLOW_CONSUMER = Goodbye(1013, "slow_consumer")  # never sent: such a peer does not read

logger = logging.getLogger("target_app.lite")


class Connection:
    """Iterating yields the peer's messages, str or bytes, until it leaves."""

    def __init__(self, websocket: WebSocket, settings: Settings) -> None:
        self.websocket, self._settings = websocket, settings
        self._outbox = Outbox(settings.outbox_bytes)
        self._most_unread = settings.outbox_bytes + 2 * settings.max_message_bytes
        self._loop = asyncio.get_running_loop()
        # One mechanism ends a connection from anywhere: set its deadline to now, and the channel is cancelled.
        self._deadline = asyncio.timeout(None)
        self._goodbye: Goodbye | None = None
        self._heard_at = self._pinged_at = self._loop.time()
        self._paid_until = 0.0
        """The time at which the rate limit is met: each message adds its share of a second."""
        self._is_unwritable = False
        self._waiting_since: float | None = None
        """The time since which a write, or the close of a socket, has waited for the peer."""
        self.has_heartbeat = SUBPROTOCOL in websocket.scope["subprotocols"]
        # ASGI cannot close a peer that does not read: the close frame waits behind the unread data, and so does the
        # server's shutdown [8, C6]. Under uvicorn, `receive` is a method of the object that has the transport.
        self.protocol: object = getattr(websocket._receive, "__self__", None)
        self._transport: asyncio.Transport | None = getattr(self.protocol, "transport", None)

    def send(self, data: str | bytes, latest_only: bool = False) -> None:
        """Queue a message. Never waits, so that a loop over all members cannot be interrupted [4, 5, C7].

        `latest_only`: older messages that still wait are worthless now, and are skipped.
        """
        if self._goodbye is not None or self._is_unwritable:
            return
        if latest_only:
            self._outbox.clear()
        self._outbox.put(data)
        # If no write is pending, the writer task has not run yet, which is not the peer's fault [C5].
        if self._outbox.is_over_limit and self._waiting_since is not None:
            self.end(SLOW_CONSUMER)

    def end(self, goodbye: Goodbye) -> None:
        """End this connection, from anywhere. What was sent before still goes out first [10]."""
        if self._goodbye is None:
            self._goodbye = goodbye
            self._deadline.reschedule(self._loop.time())

    async def wait_turn(self) -> None:
        """After each message: let the writers run, and read a flood only as fast as the flooder reads [C5, 7]."""
        await asyncio.sleep(0)
        await self._outbox.wait_room()

    def __aiter__(self) -> Connection:
        return self

    async def __anext__(self) -> str | bytes:
        while True:
            event = await self.websocket.receive()
            if event["type"] == "websocket.disconnect":  # for any cause; calling receive() again is an error [3]
                self._note_leave(event.get("code", 1005))
                raise StopAsyncIteration
            self._heard_at = self._loop.time()
            text = event.get("text")
            data: str | bytes = event["bytes"] if text is None else text  # receive_text() would raise KeyError [16, E1]
            if len(data if isinstance(data, bytes) else data.encode()) > self._settings.max_message_bytes:
                raise Goodbye(1009, "message_too_long")  # [E6, D6]
            self._paid_until = max(self._paid_until, self._heard_at) + 1 / self._settings.message_rate
            if (self._paid_until - self._heard_at) * self._settings.message_rate > self._settings.message_burst + 0.5:
                raise Goodbye(1008, "too_many_messages")  # [E7]
            if not (self.has_heartbeat and data == "pong"):
                return data

    async def run(self, channel: Callable[[Connection], Awaitable[None]]) -> None:
        """Accept, let the channel talk, and see the connection through to its end, whatever happens [21, C3, C12]."""
        writer = asyncio.create_task(self._write(), name="writer")
        goodbye = Goodbye(1000, "")
        try:
            async with self._deadline:
                await self.websocket.accept(SUBPROTOCOL if self.has_heartbeat else None)
                await channel(self)
        except Goodbye as raised:
            goodbye = raised
        except WebSocketDisconnect as left:  # during the accept
            self._note_leave(left.code)
        except Exception:
            if not self._deadline.expired():  # otherwise `end` has already set the reason
                # Log the traceback for us, and send the peer an error code instead of 1000 [E2].
                logger.exception("fault path=%r", self.websocket.url.path)
                goodbye = Goodbye(1011, "internal_error")
        finally:
            self._goodbye = self._goodbye or goodbye
            await self._finish(writer, self._goodbye)

    async def _finish(self, writer: asyncio.Task[None], goodbye: Goodbye) -> None:
        if goodbye is not SLOW_CONSUMER and not self._is_unwritable:
            self._outbox.put(goodbye)
            # At shutdown, uvicorn cancels slow connections. Continue with the clean-up below in that case.
            with suppress(asyncio.CancelledError):
                await asyncio.wait({writer}, timeout=self._settings.close_timeout)
        writer.cancel()
        if self._transport is not None:
            patience = 0.0 if goodbye is SLOW_CONSUMER else self._settings.close_timeout
            self._loop.call_later(patience, self._transport.abort)
        # Log one line per connection, without a traceback for a clean close [E4].
        logger.info("ended path=%r code=%d why=%s", self.websocket.url.path, goodbye.code, goodbye.reason)

    async def _write(self) -> None:
        """The only task that sends, so that the close cannot outrun a message nor be sent twice [3, 10, E3]."""
        try:
            while not isinstance(item := await self._outbox.take(), Goodbye):
                self._waiting_since = self._loop.time()
                kind = "text" if isinstance(item, str) else "bytes"
                await self.websocket.send({"type": "websocket.send", kind: item})
                self._waiting_since = None
            await self.websocket.close(item.code, item.reason)
        except (WebSocketDisconnect, RuntimeError, OSError):  # RuntimeError: server library, after close
            # A failed write concerns this peer only, never the sender of the message [C2, D1]. Do not end the channel:
            # messages that the peer sent before it left are still unread; `receive` reports the disconnect after them.
            self._is_unwritable, self._waiting_since = True, None
            self._outbox.clear()

    def _note_leave(self, code: int) -> None:
        self._goodbye = self._goodbye or Goodbye(code, "peer_left")
        self._is_unwritable = True

    def check(self, now: float) -> None:
        """End the connection if it is late. The server calls this for each connection, once per sweep."""
        if self._waiting_since is None and self._transport is not None and self._transport.is_closing():
            self._waiting_since = now  # after a missing pong, the keepalive closes and waits without a limit [6]
        # uvicorn also queues pongs for a peer that sends pings and does not read.
        if self._transport is not None and self._transport.get_write_buffer_size() > self._most_unread:
            self.end(SLOW_CONSUMER)
        if self._waiting_since is not None and now - self._waiting_since > self._settings.write_timeout:
            self.end(SLOW_CONSUMER)
        if self.has_heartbeat and now - self._heard_at > self._settings.idle_timeout:
            self.end(Goodbye(4006, "idle"))
        elif self.has_heartbeat and now - max(self._heard_at, self._pinged_at) >= self._settings.heartbeat_interval:
            self._pinged_at = now
            self.send("ping")

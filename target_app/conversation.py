"""A typed conversation on top of a connection: sign-in, welcome, validated messages, limits, and expiry.

    async with typed(websocket, "news") as connection:
        async with conversation(websocket, connection, "news", DIALECT) as talk:
            async for message in talk:
                match message:
                    case Say(): ...

The conversation answers control messages and invalid ones. The channel receives only its own, valid messages.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager

from fastapi import WebSocket

from target_app.auth import refused, signed_in, subprotocol
from target_app.close_reasons import (
    CLOSE_CODES,
    INVALID_PAYLOAD,
    POLICY_VIOLATION,
    TOKEN_EXPIRED,
    TOO_MANY_ERRORS,
    TRY_AGAIN_LATER,
    UNSUPPORTED_DATA,
    CloseCause,
    ConnectionEnd,
    Refusal,
)
from target_app.connection import Connection, serve
from target_app.dialect import Dialect
from target_app.heartbeats import Heartbeat
from target_app.limits import TokenBucket, limits_of
from target_app.messages import (
    Authenticate,
    ErrorCode,
    ErrorMessage,
    Expiring,
    Message,
    Ping,
    Pong,
    Refresh,
    Refreshed,
    ServerPing,
    Welcome,
    stop_notice,
)
from target_app.outbox import Overflow
from target_app.services import Services
from target_app.sessions import Session, Sessions, TooManyConnections
from target_app.tokens import Identity, InvalidToken, Tokens

NOTICE_SECONDS = 60.0
"""The client is told so many seconds before its token expires. For a short-lived token: in the last quarter."""

EXPIRED = ConnectionEnd(CloseCause.CLOSED, TOKEN_EXPIRED, "token_expired")
CLOSES_AFTER_ERRORS = {
    ErrorCode.NOT_JSON: (INVALID_PAYLOAD, "not_json"),
    ErrorCode.RATE_LIMITED: (POLICY_VIOLATION, "rate_limited"),
}
"""Close code and reason after too many errors of this kind; for others see `send_error`."""


HEARTBEAT = ServerPing(id=0).to_json()


def typed(
    websocket: WebSocket, channel: str, overflow: Overflow = Overflow.DROP_PEER
) -> AbstractAsyncContextManager[Connection]:
    """`serve` for a typed channel: with our subprotocol, an application ping, and a message before a planned stop."""
    settings = Services.of(websocket).settings
    return serve(
        websocket,
        channel,
        overflow,
        subprotocol=subprotocol(websocket),
        heartbeat=Heartbeat(HEARTBEAT, settings.heartbeat_interval, settings.idle_timeout),
        stop_notice=stop_notice,
        has_login=True,
    )


class Conversation:
    """One signed-in user on one connection. Iterate over it for the channel's own messages."""

    def __init__(self, connection: Connection, identity: Identity, session: Session, dialect: Dialect) -> None:
        self.connection = connection
        self.services = connection.services
        self.identity = identity
        self._session = session
        self._dialect = dialect
        settings, now = self.services.settings, self._now()
        self._messages = TokenBucket(settings.message_rate, settings.message_burst, now)
        self._errors = TokenBucket(settings.error_rate / 60, settings.error_burst, now)
        self._timers: list[asyncio.TimerHandle] = []

    @property
    def user(self) -> str:
        return self.identity.user

    def send(self, message: Message) -> None:
        """Queue a message to this client alone, without waiting."""
        self.connection.send(message.to_json())

    def send_error(self, error: ErrorMessage) -> None:
        """Answer with an error. Raises Refusal when there have been too many: 1007, 1008 or 4007."""
        self.send(error)
        if not self._errors.take(self._now()):
            raise Refusal(*CLOSES_AFTER_ERRORS.get(error.code, (TOO_MANY_ERRORS, "too_many_errors")))

    def __aiter__(self) -> AsyncIterator[Message]:
        return self

    async def __anext__(self) -> Message:
        while True:
            await self.connection.wait_room()  # read a flooding client only as fast as it reads the answers
            message = self._parsed(await anext(self.connection))
            if message is not None and not self._handle_control(message):
                return message

    def _parsed(self, raw: str | bytes) -> Message | None:
        if isinstance(raw, bytes) and self._dialect.from_binary is None:
            raise Refusal(UNSUPPORTED_DATA, "text_only")
        if (wait_ms := self._too_fast_ms()) is not None:
            self.services.counts["limits.rate_limited"] += 1
            text = "You send faster than you may; this message was not taken."
            self.send_error(ErrorMessage(code=ErrorCode.RATE_LIMITED, text=text, retry_after_ms=wait_ms))
            return None
        message = self._dialect.parse(raw)
        if isinstance(message, ErrorMessage):
            self.send_error(message)
            return None
        return message

    def _too_fast_ms(self) -> int | None:
        now = self._now()
        if not self._messages.take(now):
            return self._messages.wait_ms()
        if not self._session.take(now):
            return self._session.messages.wait_ms()
        return None

    def _handle_control(self, message: Message) -> bool:
        """Handle a control message. Returns False if the message is for the channel."""
        match message:
            case Ping(id=number):
                self.send(Pong(id=number))
            case Pong():
                pass  # its arrival is all that matters
            case Refresh(token=token) | Authenticate(token=token):
                self._refresh(token)
            case _:
                return False
        return True

    def _refresh(self, token: str) -> None:
        try:
            newer = self.services.shared(Tokens).read(token)
            if newer.user != self.user:
                raise InvalidToken("token_of_another_user")
        except InvalidToken as invalid:
            raise refused(self.connection, invalid.reason) from invalid
        self.identity = newer
        self._session.connections[self.connection] = newer.issued_at
        self._watch_expiry()
        self.send(Refreshed(expires_in=newer.expires_in))

    def _watch_expiry(self) -> None:
        self._forget_expiry()
        left = self.identity.expires_in
        notice = max(left * 0.75, left - NOTICE_SECONDS)
        loop = asyncio.get_running_loop()
        self._timers = [
            loop.call_later(notice, self._announce_expiry),
            loop.call_later(left, self.connection.drop, EXPIRED),
        ]

    def _announce_expiry(self) -> None:
        self.send(Expiring(expires_in=self.identity.expires_in))

    def _forget_expiry(self) -> None:
        for timer in self._timers:
            timer.cancel()

    @contextmanager
    def _expiring(self) -> Iterator[None]:
        self._watch_expiry()
        try:
            yield
        finally:
            self._forget_expiry()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


@asynccontextmanager
async def conversation(
    websocket: WebSocket, connection: Connection, channel: str, dialect: Dialect
) -> AsyncIterator[Conversation]:
    """Sign the client in and welcome it. Raises Refusal if that fails; `serve` then closes the connection."""
    identity = await signed_in(websocket, connection)
    with ExitStack() as stack:
        try:
            sessions = connection.services.shared(Sessions)
            session = stack.enter_context(sessions.entered(identity.user, connection, identity.issued_at))
        except TooManyConnections:
            text = "You have as many connections as you may have; close one."
            connection.send(ErrorMessage(code=ErrorCode.TOO_MANY_CONNECTIONS, text=text).to_json())
            raise Refusal(TRY_AGAIN_LATER, "too_many_connections_of_user") from None
        talk = Conversation(connection, identity, session, dialect)
        talk.send(_welcome(talk, channel))
        stack.enter_context(talk._expiring())
        yield talk


def _welcome(talk: Conversation, channel: str) -> Welcome:
    return Welcome(
        channel=channel,
        user=talk.user,
        roles=tuple(sorted(talk.identity.roles)),
        expires_in=talk.identity.expires_in,
        limits=limits_of(talk.services.settings),
        close_codes={str(code): meaning for code, meaning in CLOSE_CODES.items()},
    )

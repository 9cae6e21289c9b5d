"""Messages of the typed channels: JSON objects told apart by `type`, which pydantic checks first.

A channel lists its own models in a `Dialect` (`dialect.py`); the control messages here belong to every one. The same
models validate the traffic and describe it in `/asyncapi.json`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

PROTOCOL = "target_app.v1"
"""The subprotocol of all typed channels. A client that offers subprotocols has to offer this one among them."""

MAX_TEXT_CHARACTERS = 4_000
MAX_TOKEN_CHARACTERS = 4_096


class Message(BaseModel):
    """Base of every typed message, in and out: no unknown fields, no conversions, no NaN or infinity, no changes.

    Strings are bounded even where a field forgets to say how long it may be; lists have to be bounded by their field.
    """

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, str_max_length=MAX_TOKEN_CHARACTERS
    )

    type: str

    def to_json(self) -> str:
        """The text that goes on the wire; absent optional fields are left out."""
        return self.model_dump_json(exclude_none=True)


class ErrorCode(StrEnum):
    """Errors of messages, as stable codes for programs."""

    NOT_JSON = "not_json"
    INVALID = "invalid"
    UNKNOWN_TYPE = "unknown_type"
    RATE_LIMITED = "rate_limited"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    UNAUTHENTICATED = "unauthenticated"
    UNAVAILABLE = "unavailable"
    TOO_MANY_CONNECTIONS = "too_many_connections"


class ErrorMessage(Message):
    """A message was not taken. The connection lives, unless this goes on."""

    type: Literal["error"] = "error"
    code: ErrorCode
    field: str | None = None
    """The wrong field, dotted (`stroke.points.3.x`); absent if the whole message is wrong."""
    text: str
    """For people."""
    ref: str | None = None
    """The client's own id of the message that was not taken, where it had one and we got to read it."""
    retry_after_ms: int | None = None
    """Milliseconds until a retry may succeed, if it can."""


class Authenticate(Message):
    """The first message of a client that presented no token in its handshake."""

    type: Literal["authenticate"]
    token: str = Field(min_length=1, max_length=MAX_TOKEN_CHARACTERS)


class Refresh(Message):
    """A newer token of the same user, so that the connection may outlive the first one."""

    type: Literal["refresh"]
    token: str = Field(min_length=1, max_length=MAX_TOKEN_CHARACTERS)


class Ping(Message):
    """Asks for a pong with the same id."""

    type: Literal["ping"]
    id: int = Field(default=0, ge=0, le=2**53)


class Pong(Message):
    """The answer to a ping, in either direction."""

    type: Literal["pong"] = "pong"
    id: int = Field(default=0, ge=0, le=2**53)


class ServerPing(Message):
    """Asks the client for a pong with the same id."""

    type: Literal["ping"] = "ping"
    id: int


class Limits(Message):
    """The limits of a client. Over a limit it is first warned, then closed."""

    type: Literal["limits"] = "limits"
    message_bytes: int
    messages_per_second: float
    messages_burst: int
    user_messages_per_second: float
    user_messages_burst: int
    errors_burst: int
    errors_per_minute: float
    queue_bytes: int
    connections_per_user: int
    connections_per_address: int
    connections: int
    handshakes_per_minute: int


class Welcome(Message):
    """The first message of the server once it knows who is there."""

    type: Literal["welcome"] = "welcome"
    channel: str
    user: str
    roles: tuple[str, ...]
    expires_in: float
    """Seconds until the token expires; `refresh` before that."""
    limits: Limits
    close_codes: dict[str, str]
    """Code -> what it means and what to do about it."""


class Expiring(Message):
    """The token is about to expire: send `refresh` with a new one, or be closed with 4001."""

    type: Literal["token_expiring"] = "token_expiring"
    expires_in: float


class Refreshed(Message):
    """The newer token was taken."""

    type: Literal["refreshed"] = "refreshed"
    expires_in: float


class Draining(Message):
    """The server is about to stop: come back after this many milliseconds, each client after different ones."""

    type: Literal["system.draining"] = "system.draining"
    reconnect_after_ms: int


def farewell(reconnect_after_ms: int) -> str:
    """The same as text: what a connection says of a planned stop (`connection.Farewell`)."""
    return Draining(reconnect_after_ms=reconnect_after_ms).to_json()


class Announcement(Message):
    """An administrator has something to say to everybody."""

    type: Literal["announcement"] = "announcement"
    by: str
    text: str


CONTROL_IN: tuple[type[Message], ...] = (Authenticate, Refresh, Ping, Pong)
CONTROL_OUT: tuple[type[Message], ...] = (
    Announcement,
    Welcome,
    ErrorMessage,
    Expiring,
    Refreshed,
    ServerPing,
    Pong,
    Draining,
)

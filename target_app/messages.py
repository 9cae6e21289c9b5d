"""Messages of the typed channels: JSON objects with a field `type`, which decides which model applies.

A channel lists its own models in a `Dialect` (`dialect.py`). The control messages here belong to every typed channel.
The same models validate the traffic and describe it in `/asyncapi.json`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

PROTOCOL = "target_app.v1"
"""The subprotocol of all typed channels. A client that offers subprotocols must offer this one as well."""

MAX_TEXT_CHARACTERS = 4_000
MAX_TOKEN_CHARACTERS = 4_096


class Message(BaseModel):
    """Base of every typed message, in both directions. It rejects unknown fields, conversions, NaN and infinity.

    Strings without a limit of their own have this one. Each list needs a limit at its field.
    """

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, str_max_length=MAX_TOKEN_CHARACTERS
    )

    type: str

    def to_json(self) -> str:
        """The JSON text of the message, without optional fields that are not set."""
        return self.model_dump_json(exclude_none=True)


class ErrorCode(StrEnum):
    """Why a message was rejected, as stable codes for programs."""

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
    """The server rejected a message. The connection stays open, unless there are too many errors."""

    type: Literal["error"] = "error"
    code: ErrorCode
    field: str | None = None
    """The path of the wrong field (`stroke.points.3.x`); absent if the whole message is wrong."""
    text: str
    """An explanation for people."""
    ref: str | None = None
    """The client's id of the rejected message; absent if it had none, or could not be read."""
    retry_after_ms: int | None = None
    """Milliseconds until a retry may succeed; absent if a retry cannot help."""


class Authenticate(Message):
    """The first message of a client whose handshake had no token."""

    type: Literal["authenticate"]
    token: str = Field(min_length=1, max_length=MAX_TOKEN_CHARACTERS)


class Refresh(Message):
    """A newer token of the same user, which extends the connection's lifetime."""

    type: Literal["refresh"]
    token: str = Field(min_length=1, max_length=MAX_TOKEN_CHARACTERS)


class Ping(Message):
    """The client asks for a pong with the same id."""

    type: Literal["ping"]
    id: int = Field(default=0, ge=0, le=2**53)


class Pong(Message):
    """The answer to a ping, in either direction."""

    type: Literal["pong"] = "pong"
    id: int = Field(default=0, ge=0, le=2**53)


class ServerPing(Message):
    """The server asks for a pong with the same id."""

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
    """The first message of the server after the user is authenticated."""

    type: Literal["welcome"] = "welcome"
    channel: str
    user: str
    roles: tuple[str, ...]
    expires_in: float
    """Seconds until the token expires. Send `refresh` before that."""
    limits: Limits
    close_codes: dict[str, str]
    """The meaning of each close code, and what the client should do."""


class Expiring(Message):
    """The token will expire soon. Without a `refresh` the server then closes with 4001."""

    type: Literal["token_expiring"] = "token_expiring"
    expires_in: float


class Refreshed(Message):
    """The server accepted the newer token."""

    type: Literal["refreshed"] = "refreshed"
    expires_in: float


class Draining(Message):
    """The server will stop soon. The client should reconnect after this time, which differs from client to client."""

    type: Literal["system.draining"] = "system.draining"
    reconnect_after_ms: int


def stop_notice(reconnect_after_ms: int) -> str:
    """The text of `Draining`, which a connection sends before a planned stop (`connection.StopNotice`)."""
    return Draining(reconnect_after_ms=reconnect_after_ms).to_json()


class Announcement(Message):
    """A text that an administrator sends to all users."""

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

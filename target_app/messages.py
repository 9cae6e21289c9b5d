"""What the typed channels say and hear: JSON objects told apart by `type`, checked by pydantic before anybody acts.

A channel lists its own models in a `Dialect`; the control messages here belong to every typed channel. The same models
validate the traffic and describe it in `/asyncapi.json`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Literal, Union

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

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
    """What can be wrong with a message; stable, for programs."""

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
    """Which field was wrong, dotted (`stroke.points.3.x`); absent when it was the message as a whole."""
    text: str
    """For people."""
    ref: str | None = None
    """The client's own id of the message that was not taken, where it had one and we got to read it."""
    retry_after_ms: int | None = None
    """When to try again, where that can help."""


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
    """What a client may do. Over a limit it is first warned, and then closed."""

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


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one typed channel hears and says, beside the control messages."""

    incoming: tuple[type[Message], ...]
    outgoing: tuple[type[Message], ...]
    from_binary: Callable[[bytes], Message | ErrorMessage] | None = None
    """Reads a binary frame; None: the channel takes text only."""
    adapter: TypeAdapter[Any] = field(init=False)

    def __post_init__(self) -> None:
        every: Any = Union[self.incoming + CONTROL_IN]  # noqa: UP007 - made at run time
        object.__setattr__(self, "adapter", TypeAdapter(Annotated[every, Field(discriminator="type")]))

    def parse(self, raw: str | bytes) -> Message | ErrorMessage:
        """The message, or the error to answer. Raises nothing for what a client sends."""
        if isinstance(raw, bytes) and self.from_binary is not None:
            return self.from_binary(raw)
        understood: Message | ErrorMessage = parse(self.adapter, raw)
        return understood


def parse(adapter: TypeAdapter[Any], raw: str | bytes) -> Any:
    """The validated message, or an ErrorMessage that names the first wrong field."""
    try:
        return adapter.validate_json(raw)
    except ValidationError as invalid:
        return _explain(invalid)


def _explain(invalid: ValidationError) -> ErrorMessage:
    # Inputs and URLs stay out: an error never repeats what may be long, hostile or secret.
    first = invalid.errors(include_url=False, include_input=False)[0]
    kind, where = first["type"], first["loc"]
    if kind == "json_invalid":
        return ErrorMessage(code=ErrorCode.NOT_JSON, text="The message is not valid JSON.")
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return ErrorMessage(code=ErrorCode.UNKNOWN_TYPE, field="type", text="`type` has to name a known message.")
    if not where:
        return ErrorMessage(code=ErrorCode.INVALID, text="The message has to be a JSON object.")
    # The first part is the message's own type. A key of the client's (an unknown field) is cut.
    name = ".".join(str(part)[:64] for part in where[1:][:8])
    return ErrorMessage(code=ErrorCode.INVALID, field=name or None, text=_sentence(first["msg"]))


def _sentence(text: str) -> str:
    return text[:200].rstrip(".") + "."

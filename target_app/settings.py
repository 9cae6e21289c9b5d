"""Everything that can be configured, in one value; each field is an environment variable `TARGET_APP_<NAME>`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from target_app.users import DEMO_USERS, User, check_names

Names = Annotated[tuple[str, ...], NoDecode]
"""Given as one text with commas in between."""


class Settings(BaseSettings):
    """The settings of the server. A wrong value stops the start with pydantic's own explanation."""

    model_config = SettingsConfigDict(env_prefix="TARGET_APP_", frozen=True, extra="ignore")

    host: str = "127.0.0.1"
    """The address of `python -m target_app`. Loopback on purpose: nobody has to log in here."""

    port: int = Field(default=8000, ge=0, le=65535)
    """TCP port of `python -m target_app`; 0 lets the system choose one."""

    dashboard_period: float = Field(default=2.0, ge=0.01, le=3600)
    """Seconds from one dashboard reading to the next."""

    game_tick: float = Field(default=0.1, ge=0.005, le=10)
    """Seconds from one tick of a game to the next."""

    game_seats: int = Field(default=8, ge=2, le=15)
    """Most players in one match. A cell of its field has four bits for its owner."""

    max_message_bytes: int = Field(default=65_536, ge=1)
    """The longest message that a client may send; a longer one is answered with close code 1009."""

    request_timeout: float = Field(default=20.0, gt=0)
    """Seconds that a connection gets to send a whole request or handshake, under uvicorn."""

    max_unfinished_requests: int = Field(default=1_000, ge=1)
    """Connections that may be at it at the same time; of more, the oldest are cut off."""

    outbox_bytes: int = Field(default=262_144, ge=1)
    """Most bytes that may wait for one connection. With more, the peer is a slow consumer (1013)."""

    write_timeout: float = Field(default=10.0, gt=0)
    """Seconds that one write may wait for a peer that does not read, before it counts as a slow consumer."""

    close_timeout: float = Field(default=5.0, gt=0)
    """Seconds that the socket of an ended connection gets to go by itself, before it is cut."""

    shutdown_timeout: int = Field(default=5, ge=1)
    """Seconds after SIGTERM and the drain at which `python -m target_app` stops waiting for anything."""

    drain_seconds: float = Field(default=2.0, ge=0, le=600)
    """Seconds over which a crowd is told 1012 after SIGTERM; up to 100 connections are told at once."""

    reconnect_spread: float = Field(default=5.0, ge=0, le=600)
    """`reconnect_after_ms` of an announced stop is random between 0 and so many seconds."""

    ping_interval: float = Field(default=20.0, gt=0)
    """Seconds between two protocol pings of `python -m target_app`."""

    ping_timeout: float = Field(default=20.0, gt=0)
    """Seconds that a pong may take; also that bytes may stay unacknowledged by a peer's system, under any server."""

    heartbeat_interval: float = Field(default=25.0, gt=0)
    """Seconds of a peer's silence between two pings of the application, in channels that have them."""

    idle_timeout: float = Field(default=60.0, gt=0)
    """Seconds of silence in spite of those after which the peer is taken for gone (4006)."""

    history_path: Path | None = None
    """The SQLite file that keeps what was said in the rooms, for all workers of one host. None: the backplane's server
    keeps it, for all hosts; where there is none either, a temporary file that goes when this server stops."""

    history_keep: int = Field(default=10_000, ge=1)
    """Number of entries kept per room."""

    history_bytes: int = Field(default=1 << 30, ge=1 << 20)
    """Size that the history in a SQLite file may have: then the oldest entries of rooms give way."""

    history_synchronous: Literal["NORMAL", "FULL"] = "NORMAL"
    """NORMAL: acknowledged entries survive the death of the process. FULL: also that of the machine, for an fsync."""

    metrics_token: SecretStr | None = Field(default=None, min_length=16)
    """A bearer token that opens `/metrics` and `/stats` to a scraper elsewhere. Administrators and programs on this
    host need none."""

    log_format: Literal["console", "json"] = "console"
    """Format of the log of `python -m target_app`: text, or one JSON object per line."""

    backplane_url: SecretStr | None = None
    """A Redis or Valkey server, `redis://host:6379/0`, that makes several workers one. None: there is but one."""

    backplane_name: str = Field(default="target_app", min_length=1)
    """Keeps applications that share such a server apart."""

    secret: SecretStr | None = Field(default=None, min_length=32)
    """Signs the tokens; at least 32 characters. Without it one is made and kept in a file (`secret_file.py`)."""

    users: Mapping[str, User] = Field(default=DEMO_USERS, validate_default=False, repr=False)
    """JSON: name -> {"password": argon2 hash, "roles": ["admin"]}. Replaces the demo users `user` and `admin`."""

    demo_users_anywhere: bool = False
    """Whether the demo users, whose passwords everybody knows, may sign in from other machines."""

    token_lifetime: float = Field(default=900.0, ge=1)
    """Seconds for which a token is good. A connection may outlive it by refreshing."""

    auth_timeout: float = Field(default=10.0, gt=0)
    """Seconds that a new connection to a channel with a login has to present its token (4002)."""

    open_channels: bool = True
    """Whether the tutorial's channels, which ask nobody who they are, take connections (else 1008)."""

    trusted_hosts: Names = ()
    """Names by which this server may be asked for, besides addresses, this machine's own name, and the hosts of
    `allowed_origins`. Its own pages under these names may connect."""

    allowed_origins: Names = ()
    """Exact origins whose pages may connect. Empty: those of this server's own address and port, and of localhost."""

    allow_null_origin: bool = False
    """Whether `Origin: null` (a page from a file, a sandboxed frame) may connect."""

    open_message_rate: float = Field(default=2_000.0, gt=0)
    """Messages per second that one connection to a channel without a login may send on average (1008): generous, for
    nobody can be warned there. Trusted addresses, this host's own unless told otherwise, may send as they like."""

    open_message_burst: int = Field(default=10_000, ge=1)

    message_rate: float = Field(default=100.0, gt=0)
    """Messages per second that one connection to a typed channel may send on average."""

    message_burst: int = Field(default=200, ge=1)
    """Messages that it may send at once."""

    user_message_rate: float = Field(default=200.0, gt=0)
    """The same for all connections of one user together."""

    user_message_burst: int = Field(default=400, ge=1)

    error_rate: float = Field(default=10.0, gt=0)
    """Errors per minute that one connection may make on average before it is closed (1007, 1008 or 4007)."""

    error_burst: int = Field(default=10, ge=1)
    """Errors that it may make at once."""

    max_connections: int = Field(default=20_000, ge=1)
    """WebSockets in all (1013)."""

    max_connections_per_address: int = Field(default=200, ge=1)
    """WebSockets from one IP address (1013)."""

    max_connections_per_user: int = Field(default=20, ge=1)
    """WebSockets to typed channels of one user (1013)."""

    handshakes_per_minute: int = Field(default=600, ge=1)
    """WebSocket handshakes from one IP address (HTTP 429)."""

    logins_per_minute: int = Field(default=10, ge=1)
    """Failed logins for one name from one IP address (HTTP 429)."""

    logins_per_minute_per_address: int = Field(default=60, ge=1)
    """The same for all names together."""

    logins_per_minute_in_all: int = Field(default=600, ge=1)
    """The same for all names and addresses together."""

    trusted_addresses: Names = ("127.0.0.1", "::1")
    """IP addresses without limits of their own, such as a load generator's. Empty: none. What a proxy passes on from
    there has limits."""

    trusted_proxies: Names = ()
    """IP addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed. Empty: none."""

    @field_validator("trusted_hosts", "allowed_origins", "trusted_addresses", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("users")
    @classmethod
    def _have_names(cls, value: Mapping[str, User]) -> Mapping[str, User]:
        check_names(value)
        return value

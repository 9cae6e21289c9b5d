"""All settings of the server. Each field is an environment variable `TARGET_APP_<NAME>`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from target_app.users import DEMO_USERS, User, check_names

Names = Annotated[tuple[str, ...], NoDecode]
"""Names, given as one text with commas between them."""


class Settings(BaseSettings):
    """The settings of the server. With a wrong value the server does not start, and pydantic explains why."""

    model_config = SettingsConfigDict(env_prefix="TARGET_APP_", frozen=True, extra="ignore")

    host: str = "127.0.0.1"
    """Address of `python -m target_app`. Loopback by default, because some channels need no login."""

    port: int = Field(default=8000, ge=0, le=65535)
    """TCP port of `python -m target_app`; 0 lets the system choose one."""

    dashboard_period: float = Field(default=2.0, ge=0.01, le=3600)
    """Seconds from one dashboard reading to the next."""

    game_tick: float = Field(default=0.1, ge=0.005, le=10)
    """Seconds from one tick of a game to the next."""

    game_seats: int = Field(default=8, ge=2, le=15)
    """Maximum number of players in one match. A cell of its field has four bits for its owner."""

    max_message_bytes: int = Field(default=65_536, ge=1)
    """Maximum length of a client's message. The server closes with 1009 if a message is longer."""

    request_timeout: float = Field(default=20.0, gt=0)
    """Timeout in seconds for a whole request or handshake, under uvicorn."""

    max_unfinished_requests: int = Field(default=1_000, ge=1)
    """Maximum number of connections with an unfinished request. Beyond it, the oldest are disconnected."""

    outbox_bytes: int = Field(default=262_144, ge=1)
    """Maximum number of bytes that may wait for one connection. Beyond it, the peer is a slow consumer (1013)."""

    write_timeout: float = Field(default=10.0, gt=0)
    """Timeout in seconds for one write to a peer that does not read. Then the peer is a slow consumer."""

    close_timeout: float = Field(default=5.0, gt=0)
    """Seconds until the socket of an ended connection is aborted, if it has not closed by itself."""

    shutdown_timeout: int = Field(default=5, ge=1)
    """Seconds after SIGTERM and the drain at which `python -m target_app` stops waiting for anything."""

    drain_seconds: float = Field(default=2.0, ge=0, le=600)
    """Seconds over which the close frames (1012) are spread after SIGTERM. Up to 100 connections get theirs at once."""

    reconnect_spread: float = Field(default=5.0, ge=0, le=600)
    """Upper limit in seconds of the random `reconnect_after_ms` of an announced stop."""

    ping_interval: float = Field(default=20.0, gt=0)
    """Seconds between two protocol pings of `python -m target_app`."""

    ping_timeout: float = Field(default=20.0, gt=0)
    """Timeout in seconds for a pong. Also for a peer's system to acknowledge bytes, under any server."""

    heartbeat_interval: float = Field(default=25.0, gt=0)
    """Seconds of silence after which the application sends a ping, in channels that have heartbeats."""

    idle_timeout: float = Field(default=60.0, gt=0)
    """Seconds of silence, despite these pings, after which the server closes with 4006."""

    history_path: Path | None = None
    """SQLite file with the history of the rooms, for all workers of one host. None: the backplane's server keeps the
    history, for all hosts. Without a backplane it is a temporary file, which is deleted when this server stops."""

    history_keep: int = Field(default=10_000, ge=1)
    """Number of entries kept per room."""

    history_bytes: int = Field(default=1 << 30, ge=1 << 20)
    """Maximum size of the history in a SQLite file. Beyond it, the oldest entries of rooms are deleted."""

    history_synchronous: Literal["NORMAL", "FULL"] = "NORMAL"
    """NORMAL: acknowledged entries survive a crash of the process. FULL: also of the machine, for an fsync."""

    metrics_token: SecretStr | None = Field(default=None, min_length=16)
    """Bearer token for `/metrics` and `/stats`, for scrapers on other hosts. Administrators and programs on this host
    need none."""

    log_format: Literal["console", "json"] = "console"
    """Format of the log of `python -m target_app`: text, or one JSON object per line."""

    backplane_url: SecretStr | None = None
    """URL of a Redis or Valkey server, `redis://host:6379/0`, that connects several workers. None: one worker."""

    backplane_name: str = Field(default="target_app", min_length=1)
    """Separates applications that share one such server."""

    secret: SecretStr | None = Field(default=None, min_length=32)
    """Key that signs the tokens; at least 32 characters. Without it, one is generated and kept in a file
    (`secret_file.py`)."""

    users: Mapping[str, User] = Field(default=DEMO_USERS, validate_default=False, repr=False)
    """JSON: name -> {"password": argon2 hash, "roles": ["admin"]}. Replaces the demo users `user` and `admin`."""

    demo_users_anywhere: bool = False
    """Whether the demo users, whose passwords everybody knows, may sign in from other machines."""

    token_lifetime: float = Field(default=900.0, ge=1)
    """Lifetime of a token in seconds. A connection may refresh its token to stay open longer."""

    auth_timeout: float = Field(default=10.0, gt=0)
    """Seconds that a new connection to a channel with a login has to present its token (4002)."""

    open_channels: bool = True
    """Whether the tutorial's channels, which have no login, accept connections (otherwise 1008)."""

    trusted_hosts: Names = ()
    """Host names of this server, in addition to addresses, this machine's own name and the hosts of `allowed_origins`.
    Its own pages under these names may connect."""

    allowed_origins: Names = ()
    """Exact origins whose pages may connect. Empty: those of this server's own address and port, and of localhost."""

    allow_null_origin: bool = False
    """Whether `Origin: null` (a page from a file, a sandboxed frame) may connect."""

    open_message_rate: float = Field(default=2_000.0, gt=0)
    """Messages per second that one connection to a channel without a login may send on average (1008). It is high,
    because these channels have no warnings. Trusted addresses, by default those of this host, have no limit."""

    open_message_burst: int = Field(default=10_000, ge=1)

    message_rate: float = Field(default=100.0, gt=0)
    """Messages per second that one connection to a typed channel may send on average."""

    message_burst: int = Field(default=200, ge=1)
    """Messages that it may send in one burst."""

    user_message_rate: float = Field(default=200.0, gt=0)
    """The same limit for all connections of one user together."""

    user_message_burst: int = Field(default=400, ge=1)

    error_rate: float = Field(default=10.0, gt=0)
    """Errors per minute that one connection may make on average before it is closed (1007, 1008 or 4007)."""

    error_burst: int = Field(default=10, ge=1)
    """Errors that it may make in one burst."""

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
    """The same limit for all names together."""

    logins_per_minute_in_all: int = Field(default=600, ge=1)
    """The same limit for all names and addresses together."""

    trusted_addresses: Names = ("127.0.0.1", "::1")
    """IP addresses without limits, such as a load generator's. Empty: none. Requests that a proxy forwards from there
    have limits."""

    trusted_proxies: Names = ()
    """IP addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted. Empty: none."""

    @field_validator("trusted_hosts", "allowed_origins", "trusted_addresses", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("users")
    @classmethod
    def _have_names(cls, value: Mapping[str, User]) -> Mapping[str, User]:
        check_names(value)
        return value

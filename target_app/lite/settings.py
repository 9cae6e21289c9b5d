"""All limits in one place. Each can be set by an environment variable: `write_timeout` by TARGET_APP_WRITE_TIMEOUT."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Settings:
    token: str = ""  # the token that clients must present; empty: no token is required
    auth_timeout: float = 10.0  # seconds that a new connection has to present it
    allowed_origins: str = ""  # comma-separated; empty: this server's own address and port
    max_connections: int = 1000  # uvicorn's limit_concurrency counts no WebSockets [20, E8]
    max_message_bytes: int = 65_536
    message_rate: float = 2000.0  # messages per second of one connection ...
    message_burst: int = 10_000  # ... and the size of a burst
    outbox_bytes: int = 1_048_576  # limit of the send buffer of one connection
    write_timeout: float = 10.0  # seconds that one write, or the close of a socket, may wait for its peer
    close_timeout: float = 5.0  # seconds that a connection gets to close by itself
    ping_interval: float = 20.0  # protocol pings detect peers that disappeared silently [11]
    ping_timeout: float = 20.0
    heartbeat_interval: float = 25.0  # application pings, for clients that offer the subprotocol
    idle_timeout: float = 60.0
    sweep_interval: float = 1.0  # seconds between two searches for connections that are late
    dashboard_period: float = 2.0

    @classmethod
    def from_environment(cls) -> Settings:
        kinds: dict[str, Any] = {f"TARGET_APP_{field.name.upper()}": field for field in fields(cls)}
        set_here = {kinds[name]: text for name, text in os.environ.items() if name in kinds}
        return cls(**{field.name: type(field.default)(text) for field, text in set_here.items()})

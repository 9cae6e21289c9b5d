"""Everything that can be configured, in one value; each field is an environment variable `TARGET_APP_<NAME>`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What the server may be told from outside. A wrong value stops the start with pydantic's own explanation."""

    model_config = SettingsConfigDict(env_prefix="TARGET_APP_", frozen=True, extra="ignore")

    host: str = "127.0.0.1"
    """Where `python -m target_app` listens. Loopback on purpose: nobody here has to log in."""

    port: int = Field(default=8000, ge=0, le=65535)
    """TCP port of `python -m target_app`; 0 lets the system choose one."""

    dashboard_period: float = Field(default=2.0, ge=0.01, le=3600)
    """Seconds from one dashboard reading to the next."""

    max_message_bytes: int = Field(default=65_536, ge=1)
    """The longest message that a client may send; a longer one is answered with close code 1009."""

    outbox_bytes: int = Field(default=262_144, ge=1)
    """How much may wait for one connection. Whoever is further behind than this is a slow consumer (1013)."""

    write_timeout: float = Field(default=10.0, gt=0)
    """Seconds that one write may wait for a peer that does not read, before it counts as a slow consumer."""

    close_timeout: float = Field(default=5.0, gt=0)
    """Seconds that the socket of an ended connection gets to go by itself, before it is cut."""

    shutdown_timeout: int = Field(default=5, ge=1)
    """Seconds after SIGTERM at which `python -m target_app` stops waiting for anything."""

    history_path: Path | None = None
    """The SQLite file that keeps what was said in the rooms; none: in memory, forgotten when the server stops."""

    history_keep: int = Field(default=10_000, ge=1)
    """How many entries of each room are kept."""

    history_synchronous: Literal["NORMAL", "FULL"] = "NORMAL"
    """NORMAL: acknowledged entries survive the death of the process. FULL: also that of the machine, for an fsync."""

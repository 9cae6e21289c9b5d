"""All that wsproof knows about its reference server (`target_app/`): names, paths, variables and limits.

wsproof never imports `target_app`. Every other module takes what it needs from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

__all__ = [
    "APP",
    "CHANNELS",
    "DASHBOARD_PERIOD",
    "DIRECT_PROTOCOL",
    "GAME_SEATS",
    "GAME_TICK",
    "KIND",
    "PACKAGE",
    "PATH",
    "SECRET",
    "UNLIMITED_RATES",
    "UVICORN_LIMITS",
    "find_checkout",
    "is_part_of",
    "with_faster_feed",
]

KIND = "reference"
"""The kind of this target in records."""
PACKAGE = "target_app"
APP = f"{PACKAGE}.main:app"
PATH = "/ws"
"""The path of its echo."""
CHANNELS = "tutorial"
"""The channels of the reference server, used if the user names none."""
DIRECT_PROTOCOL = f"{PACKAGE}.direct:DirectWSProtocol"
"""The reference server's own protocol class for uvicorn."""
UVICORN_LIMITS = ("--ws-max-size", "65536", "--ws-per-message-deflate", "false", "--timeout-graceful-shutdown", "5")
"""The limits that `python -m target_app` sets, so that it behaves the same however it is started."""
SECRET = "TARGET_APP_SECRET"
"""Environment variable with the secret that signs the members' tokens."""
DASHBOARD_PERIOD = "TARGET_APP_DASHBOARD_PERIOD"
"""Environment variable with the period of its feed in seconds."""
GAME_TICK = "TARGET_APP_GAME_TICK"
"""Environment variable with the time between two ticks of its game in seconds."""
GAME_SEATS = "TARGET_APP_GAME_SEATS"
"""Environment variable with the number of people who can play in one match."""
UNLIMITED_RATES = {
    f"TARGET_APP_{name}": "1000000"
    for name in (
        "MESSAGE_RATE",
        "MESSAGE_BURST",
        "USER_MESSAGE_RATE",
        "USER_MESSAGE_BURST",
        "MAX_CONNECTIONS_PER_USER",
    )
}
"""Environment of a server that wsproof starts: limits of a user that are high enough for any test.

The default limits are meant for people who type.
"""
_FASTER_FEED = {"dashboard.period": "0.1"}
"""The dashboard's period in seconds. At the tutorial's 2 s per tick, checking the feed alone would take a minute."""


def is_part_of(app: str | None) -> bool:
    """Whether an app (`package.module:name`) belongs to the reference server's package."""
    return app is not None and app.startswith(f"{PACKAGE}.")


def with_faster_feed(settings: Mapping[str, str], app: str | None) -> dict[str, str]:
    """Return the workload settings, with a faster feed for apps of the reference server, which accept this setting."""
    return {**_FASTER_FEED, **settings} if is_part_of(app) else dict(settings)


def find_checkout(cwd: Path) -> Path | None:
    """Return the folder with `target_app/main.py`: `cwd` or a parent, up to the root of the git repository."""
    for folder in (cwd, *cwd.parents):
        if (folder / PACKAGE / "main.py").is_file():
            return folder
        if (folder / ".git").exists():
            return None
    return None

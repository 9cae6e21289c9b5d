"""uvicorn's server, as the application finds it: its options, its protocol classes and its connections.

The server library enforces the length of a message before the application sees it. It also answers offers of
compression, which ASGI cannot refuse. So the application sets uvicorn's options while it starts, when no client is
connected yet. This works whichever command has started uvicorn.
"""

from __future__ import annotations

import logging
import signal

from uvicorn import Config, Server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from target_app.http_protocol import BoundedHttpProtocol
from target_app.settings import Settings
from target_app.websocket_protocol import BoundedWSProtocol

UVICORN_PING_SECONDS = 20.0
"""The default of uvicorn's two options for pings. Any other value is the operator's choice."""

logger = logging.getLogger("target_app")


def find() -> Server | None:
    """Return the server of this process, found by its signal handler; None for another library, or before startup."""
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return server if isinstance(server, Server) else None


def set_options(config: Config, settings: Settings) -> dict[str, object]:
    """Make uvicorn keep the limits of the settings. Returns the changed options. A stricter option is kept."""
    wanted: dict[str, object] = {}
    if config.ws_max_size > settings.max_message_bytes:
        wanted["ws_max_size"] = settings.max_message_bytes
    if config.ws_per_message_deflate:
        wanted["ws_per_message_deflate"] = False
    if config.timeout_graceful_shutdown is None:
        wanted["timeout_graceful_shutdown"] = settings.shutdown_timeout
    for name in ("ping_interval", "ping_timeout"):
        value, default = getattr(settings, name), UVICORN_PING_SECONDS
        if getattr(config, f"ws_{name}") == default != value:
            wanted[f"ws_{name}"] = value
    if config.loaded:  # at startup the classes are known, and no connection has been made
        wanted |= _bounded_protocols(config)
    for name, value in wanted.items():
        setattr(config, name, value)
    return wanted


def _bounded_protocols(config: Config) -> dict[str, object]:
    wanted: dict[str, object] = {}
    if config.http_protocol_class is HttpToolsProtocol:
        wanted["http_protocol_class"] = BoundedHttpProtocol
    if config.ws_protocol_class is WebSocketsSansIOProtocol:
        wanted["ws_protocol_class"] = BoundedWSProtocol
    return wanted


def set_options_or_warn(settings: Settings) -> None:
    """Set the options for the server of this process. Logs a warning if it is not uvicorn."""
    server = find()
    if server is None:
        logger.warning(
            "not started by uvicorn: the length of messages in memory, compression and half-open requests have the"
            " limits of the server library (see docs/reference/reference-server.md, Under other servers)"
        )
    elif changed := set_options(server.config, settings):
        logger.info("options of uvicorn set by the application: %s", changed)

"""Keeps tokens and control characters out of the logs, whichever library writes the line.

uvicorn logs the whole address of a WebSocket. A line break in an address would look like a second line of the log.
"""

from __future__ import annotations

import logging
import re

REDACTED = "[redacted]"
_JWT = re.compile(r"eyJ[\w-]{8,}(?:\.[\w-]*)*")
_PARAMETER = re.compile(r"\b((?:access_)?token=)[^&\s\"';]+", re.IGNORECASE)

SERVER_LOGGERS = (
    "target_app",
    "uvicorn.error",
    "uvicorn.access",
    "uvicorn.asgi",
    "hypercorn.error",
    "hypercorn.access",
    "_granian",
    "granian.access",
    "daphne.server",
    "daphne.ws_protocol",
    "websockets.server",
)
"""Filters of a logger see only what is logged to it by name, so each is named."""


def redact(text: str) -> str:
    """Return the text without tokens: neither anything that looks like a JWT, nor a `token` parameter of an address."""
    return _PARAMETER.sub(rf"\g<1>{REDACTED}", _JWT.sub(REDACTED, text))


def _clean(value: object) -> object:
    """Return a value of a log line without tokens, and with escapes for what a client could forge lines with."""
    if not isinstance(value, str):
        return value
    text = redact(value)
    return text if text.isprintable() else text.encode("unicode_escape").decode()


class RedactTokens(logging.Filter):
    """Rewrites a record before any handler sees it."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):  # keep the arguments separate where possible: access formatters need them
            record.args = tuple(map(_clean, record.args))
        message = record.getMessage()
        if (clean := redact(message)) != message:
            record.msg, record.args = clean, ()
        return True


_filter = RedactTokens()


def redact_all_logs() -> None:
    """Filter the logs of this server and of the server libraries. Repeated calls do nothing."""
    for name in SERVER_LOGGERS:
        logging.getLogger(name).addFilter(_filter)

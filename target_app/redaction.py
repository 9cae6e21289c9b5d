"""Keeps tokens out of the logs, whichever library writes the line: uvicorn logs the whole address of a WebSocket."""

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
    """The text without tokens: neither anything that looks like a JWT, nor a `token` parameter of an address."""
    return _PARAMETER.sub(rf"\g<1>{REDACTED}", _JWT.sub(REDACTED, text))


class RedactTokens(logging.Filter):
    """Rewrites a record before any handler sees it."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):  # keep the arguments separate where possible: access formatters need them
            record.args = tuple(redact(value) if isinstance(value, str) else value for value in record.args)
        message = record.getMessage()
        if (clean := redact(message)) != message:
            record.msg, record.args = clean, ()
        return True


_filter = RedactTokens()


def redact_all_logs() -> None:
    """Have tokens redacted in the logs of this server and of the server libraries; safe to call again."""
    for name in SERVER_LOGGERS:
        logging.getLogger(name).addFilter(_filter)

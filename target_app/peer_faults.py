"""Keeps tracebacks out of the log for what a peer did wrong, whichever command has started the server."""

from __future__ import annotations

import logging


class PeerFaultsBriefly(logging.Filter):
    """uvicorn logs a peer's invalid UTF-8 with a traceback of its own; the line says all there is to say."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], UnicodeDecodeError):
            record.exc_info = None
            record.levelno, record.levelname = logging.INFO, "INFO"
        return True


_filter = PeerFaultsBriefly()


def log_peer_faults_briefly() -> None:
    """Shorten these lines of uvicorn; safe to call again."""
    logging.getLogger("uvicorn.error").addFilter(_filter)

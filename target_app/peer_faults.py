"""Keeps tracebacks for mistakes of peers out of the log, whichever command has started the server."""

from __future__ import annotations

import logging


class ShortPeerFaults(logging.Filter):
    """Removes the traceback that uvicorn logs for invalid UTF-8 of a peer."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], UnicodeDecodeError):
            record.exc_info = None
            record.levelno, record.levelname = logging.INFO, "INFO"
        return True


_filter = ShortPeerFaults()


def log_peer_faults_briefly() -> None:
    """Filter the log of uvicorn. Repeated calls do nothing."""
    logging.getLogger("uvicorn.error").addFilter(_filter)

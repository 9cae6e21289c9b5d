"""What `python -m target_app` writes to stderr: one line an event, and no traceback for what a peer did wrong."""

from __future__ import annotations

import copy
import logging
from typing import Any

from uvicorn.config import LOGGING_CONFIG


class PeerFaultsBriefly(logging.Filter):
    """uvicorn logs a peer's invalid UTF-8 with a traceback of its own; the line says all there is to say."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], UnicodeDecodeError):
            record.exc_info = None
            record.levelno, record.levelname = logging.INFO, "INFO"
        return True


def log_config() -> dict[str, Any]:
    """uvicorn's own logging configuration, with our logger beside its own."""
    config = copy.deepcopy(LOGGING_CONFIG)
    config["filters"] = {"peer_faults_briefly": {"()": PeerFaultsBriefly}}
    config["handlers"]["default"]["filters"] = ["peer_faults_briefly"]
    config["loggers"]["target_app"] = {"handlers": ["default"], "level": "INFO", "propagate": False}
    return config

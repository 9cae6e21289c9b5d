"""A log filter that hides secrets in Locust's logs."""

from __future__ import annotations

import logging

from wsproof.net.redact import redact


def hide_in_logs() -> None:
    """Add a filter to all existing handlers that hides known secrets, and strings that look like secrets."""
    named = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    for handler in {handler for logger in (logging.root, *named) for handler in logger.handlers}:
        handler.addFilter(_without_secrets)


def _without_secrets(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    hidden = redact(message)
    if hidden != message:
        record.msg, record.args = hidden, None
    return True

"""Finds the text of a publication in a JSON value, wherever the application has put it."""

from __future__ import annotations

import json
from typing import Any

from wsproof.model.envelope import Opened, open_envelope

DEPTH = 8
"""Maximum depth to which a value is searched."""


def sealed_text(value: Any, depth: int = DEPTH) -> tuple[str, Opened] | None:
    """The first string in `value` that ends in an envelope, and the envelope; None if there is none."""
    if isinstance(value, str):
        opened = open_envelope(value)
        return (value, opened) if opened is not None else None
    if depth == 0 or not isinstance(value, list | dict):
        return None
    parts = value.values() if isinstance(value, dict) else value
    return next((found for part in parts if (found := sealed_text(part, depth - 1)) is not None), None)


def loaded(message: str | bytes) -> Any:
    """The message as JSON; None if it is no JSON text."""
    try:
        return json.loads(message) if isinstance(message, str) else None
    except (ValueError, RecursionError):
        return None

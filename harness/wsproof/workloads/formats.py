"""Message formats for workloads whose messages are free text: plain text, a JSON object, or bytes.

    text      the quick brown~w1...
    json      {"text": "the quick brown", "seal": "~w1..."}
    binary    as text, in a binary message

In each format the envelope is at a fixed distance from the end. So a receiver finds key, times and checksum without
parsing JSON. This works only if the server forwards a message unchanged. A server that serializes the JSON again needs
another workload, which parses it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from wsproof.errors import UsageError
from wsproof.model.envelope import Envelope, Opened, open_envelope

__all__ = []

FORMATS = ("text", "json", "binary")
"""The formats that a workload may offer."""
JSON_END = b'"}'
"""The end of a message after the envelope, in the JSON format."""


class Format:
    """One of FORMATS, for a workload with the setting `format`.

    Raises:
        UsageError: the workload does not offer this format.
    """

    def __init__(self, settings: Mapping[str, str], workload: str, allowed: tuple[str, ...] = FORMATS) -> None:
        self.name = settings.get("format", "text")
        if self.name not in allowed:
            raise UsageError(f"expected {workload}.format to be one of {', '.join(allowed)}, got {self.name!r}")

    def publish(self, envelope: Envelope, body: str) -> str | bytes:
        """The message to send."""
        if self.name == "json":
            return envelope.seal(f'{{"text": {json.dumps(body)}, "seal": "') + JSON_END.decode()
        return envelope.seal(body) if self.name == "text" else envelope.seal_bytes(body.encode())

    def open(self, message: str | bytes) -> Opened | None:
        """Find the envelope of a received message, whatever the server put in front of it."""
        payload = message.encode(errors="surrogatepass") if isinstance(message, str) else message
        if self.name != "json":
            return open_envelope(payload)
        return open_envelope(payload[: -len(JSON_END)]) if payload.endswith(JSON_END) else None


DEPTH = 8
"""Maximum depth to which a JSON value is searched."""


def text_with_envelope(value: Any, depth: int = DEPTH) -> tuple[str, Opened] | None:
    """Find the first string in a JSON value that ends in an envelope. Returns both; None if there is none."""
    if isinstance(value, str):
        opened = open_envelope(value)
        return (value, opened) if opened is not None else None
    if depth == 0 or not isinstance(value, list | dict):
        return None
    parts = value.values() if isinstance(value, dict) else value
    return next((found for part in parts if (found := text_with_envelope(part, depth - 1)) is not None), None)


def loaded(message: str | bytes) -> Any:
    """Parse the message as JSON; None if it is not JSON."""
    try:
        return json.loads(message) if isinstance(message, str) else None
    except (ValueError, RecursionError):
        return None

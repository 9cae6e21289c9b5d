"""Message formats for workloads whose messages are free text: plain text, a JSON object, or bytes.

    text      the quick brown~w1...
    json      {"text": "the quick brown", "seal": "~w1..."}
    binary    as text, in a binary message

In each format the envelope is at a fixed distance from the end. So a receiver finds key, times and checksum without
parsing JSON. This works only if the server forwards a message unchanged. A server that serializes the JSON again needs
a workload of its own that parses it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from wsproof.errors import UsageError
from wsproof.model.envelope import Envelope, Opened, open_envelope

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
            raise UsageError(f"{workload} speaks {', '.join(allowed)}; {self.name!r} is not among them.")

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

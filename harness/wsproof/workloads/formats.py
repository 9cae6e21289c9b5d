"""How a text that anybody may say is put into a message: as it is, as a JSON object, or as bytes.

    text      the quick brown~w1...
    json      {"text": "the quick brown", "seal": "~w1..."}
    binary    as text, in a binary message

In each of them the trailer of the envelope stands at a fixed distance from the end, so a receiver finds key, times and
checksum without reading JSON. A server hands such a message on as it came; one that writes its JSON anew needs a
workload of its own, which loads it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from wsproof.errors import UsageError
from wsproof.model.envelope import Envelope, Opened, open_envelope

FORMATS = ("text", "json", "binary")
JSON_END = b'"}'


class Format:
    """One of FORMATS, for a workload that takes the setting `format`.

    Raises:
        UsageError: the workload has no such format.
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
        """Find the envelope of a message that came back, whatever stands in front of it."""
        payload = message.encode(errors="surrogatepass") if isinstance(message, str) else message
        if self.name != "json":
            return open_envelope(payload)
        return open_envelope(payload[: -len(JSON_END)]) if payload.endswith(JSON_END) else None

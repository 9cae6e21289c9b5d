"""The channel of `posting.py`, where a function of the user's publishes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from urllib.request import urlopen

from tests.workloads.apps.posting_channels import Posting
from wsproof import Envelope, FunctionCall


class Calling(Posting):
    name = "calling"
    title = "A function publishes"

    def __init__(self, settings: Mapping[str, str] | None = None, *, base: int = 1) -> None:
        super().__init__(settings, base=base)
        self.url = ""

    def prepare(self, member: int, url: str) -> None:
        self.url = url

    def publish(self, member: int, envelope: Envelope, body: str) -> FunctionCall:  # type: ignore[override]
        text = envelope.seal(body).encode()
        return FunctionCall(partial(urlopen, f"{self.url}/rooms/{self.room_of(member)}", text, timeout=60))


WORKLOADS = [Calling]

"""The channel of the tutorial's echo, with a mistyped name in its definition."""

from __future__ import annotations

from wsproof import Parsed
from wsproof.workloads.echo import Echo


class Typo(Echo):
    name = "typo"

    def read(self, member: int, message: str | bytes) -> Parsed:
        raise KeyError("mesage")


WORKLOADS = [Typo]

"""The tutorial's echo, described by somebody who mistyped a name."""

from __future__ import annotations

from wsproof.workloads import Parsed
from wsproof.workloads.echo import Echo


class Typo(Echo):
    name = "typo"

    def read(self, member: int, message: str | bytes) -> Parsed:
        raise KeyError("mesage")


WORKLOADS = [Typo]

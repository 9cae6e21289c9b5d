"""The error for a build that cannot be prepared or started."""

from __future__ import annotations

from wsproof.comparison.order import Side
from wsproof.errors import TargetError


class BuildError(TargetError):
    """One of the two builds cannot be installed, set up or started. `side` says which one."""

    def __init__(self, side: Side, message: str) -> None:
        super().__init__(message)
        self.side = side

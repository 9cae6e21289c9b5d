"""The return of members after a restart of their server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ComebackRecord:
    """Members of the same names that connected again, with back-off, while their server was restarted."""

    members: int
    waited_s: float
    """Seconds from the end of the start of the new process to the end of the wait."""
    served_s: float | None = None
    """Seconds from the end of the old process until all members were served again; None if some never were."""
    attempts: int = 0
    """Number of connections that the members tried in all."""
    unserved: tuple[str, ...] = ()
    """Names of the members that were not served again."""
    is_newcomer_served: bool = False
    """Whether a member of a new name was served meanwhile. Only looked at if others were not."""
    forgotten: tuple[str, ...] = ()
    """Messages that the old process had acknowledged, and that a member which missed them did not get afterwards."""

"""The setting `rooms` of the protocols that come along."""

from __future__ import annotations

from collections.abc import Mapping

from wsproof.errors import UsageError


def rooms_of(settings: Mapping[str, str], name: str, default: int = 2) -> int:
    """The number of rooms that the user has set.

    Raises:
        UsageError: it is not a whole number of at least 1.
    """
    rooms = settings.get("rooms", str(default))
    if not rooms.isdecimal() or int(rooms) < 1:
        raise UsageError(f"expected {name}.rooms to be at least 1, got {rooms!r}")
    return int(rooms)

"""What a check needs of the standing members of its channel: whether they are connected, and expect its messages."""

from __future__ import annotations

from enum import Enum, auto


class StandingPresence(Enum):
    """How the standing members of a channel take part in a check of this channel."""

    JUDGED = auto()
    """They are connected, and must receive what the check publishes for them."""
    CONNECTED = auto()
    """They are connected. What they receive meanwhile is not judged: the check may overload or confuse the server."""
    AWAY = auto()
    """They are not connected: the check needs an empty channel, or all its places."""

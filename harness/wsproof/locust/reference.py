"""Users of the reference server's channels beyond those of FastAPI's tutorial.

    # locustfile.py
    from wsproof.locust.reference import DrawingUser, GameUser

They sign in with tokens. The server accepts these if wsproof starts it, or if both have the same SECRET in their
environment.
"""

from __future__ import annotations

from wsproof.locust.users import ChannelUser
from wsproof.workloads.alerts import Alerts
from wsproof.workloads.drawing import Drawing
from wsproof.workloads.game import Game
from wsproof.workloads.rooms import Rooms

__all__ = ["AlertsUser", "DrawingUser", "GameUser", "RoomsUser"]


class AlertsUser(ChannelUser):
    """Receives notifications, and acknowledges its own."""

    channel = Alerts


class DrawingUser(ChannelUser):
    """Draws strokes on a board that all members see."""

    channel = Drawing


class GameUser(ChannelUser):
    """Follows a match, and takes turns."""

    channel = Game


class RoomsUser(ChannelUser):
    """Speaks and listens in a room."""

    channel = Rooms

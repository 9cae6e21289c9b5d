"""The server whose class KIND names, as an ASGI app."""

from __future__ import annotations

import os

from tests.faulty.channels.reported import feeds, publishing, room_server, rooms
from tests.faulty.channels.reported.room_server import RoomServer

MODULES = (room_server, publishing, rooms, feeds)


def server_named(kind: str) -> RoomServer:
    """Return a server of this class."""
    server: RoomServer = next(getattr(module, kind) for module in MODULES if hasattr(module, kind))()
    return server


app = server_named(os.environ.get("KIND", "RoomServer"))

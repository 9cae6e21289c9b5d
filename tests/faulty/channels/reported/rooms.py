"""Faults of rooms: two rooms share a key, or a room ends while members are in it."""

from __future__ import annotations

import fnmatch
import unicodedata

from tests.faulty.channels.reported.room_server import Peer, RoomServer


class IgnoresCaseOfRooms(RoomServer):
    """Stores a room under its name in lower case, so that `Team` and `team` are one room."""

    def key_of(self, room: str) -> str:
        return room.lower()


class CutsRoomNames(RoomServer):
    """Stores a room under the first 16 characters of its name."""

    def key_of(self, room: str) -> str:
        return room[:16]


class EncodesRoomsAsAscii(RoomServer):
    """Stores a room under the ASCII characters of its name, so that `Zoë` and `Zoé` are one room."""

    def key_of(self, room: str) -> str:
        return room.encode("ascii", "ignore").decode()


class DecomposesRoomNames(RoomServer):
    """Stores a room under its compatibility form (NFKC), so that a full-width 1 and `1` are one room."""

    def key_of(self, room: str) -> str:
        return unicodedata.normalize("NFKC", room)


class SubscribesByPattern(RoomServer):
    """Subscribes to a room with PSUBSCRIBE, so that a room called `*` receives all messages."""

    def deliver(self, room: str, value: object) -> None:
        for pattern, members in self.rooms.items():
            if fnmatch.fnmatchcase(room, pattern):
                for other in list(members):
                    other.put(value)


class EndsTheRoomWithItsCreator(RoomServer):
    """Deletes a room when the member that created it leaves."""

    def leave(self, peer: Peer) -> None:
        members = self.rooms.get(peer.room, [])
        if members and members[0] is peer:
            del self.rooms[peer.room]
        elif peer in members:
            members.remove(peer)


class SendsUnknownRoomsToTheLobby(RoomServer):
    """Correct: puts the members of all rooms that it does not know into one lobby."""

    def key_of(self, room: str) -> str:
        return room if room in ("Room-0", "Room-1") else "lobby"


class RefusesUnusualRooms(RoomServer):
    """Correct: does not serve rooms whose names are long or have unusual characters."""

    def key_of(self, room: str) -> str:
        is_plain = room.isascii() and room.replace("-", "").isalnum() and len(room) < 40
        return room if is_plain else f"nobody {id(object())}"

"""Unusual names of rooms, and what a server does that mixes two of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class SimilarRooms:
    """Two names of rooms that a server may take for one, and a third one of the same kind, which is like neither.

    A server that knows no such rooms may put all their members into one room. Then the third one is mixed, too.
    """

    first: str
    second: str
    other: str
    cause: str
    """What a server seems to do that mixes the first two."""
    is_policy: bool = False
    """Whether some servers mix them on purpose. Mixing them is then a non-strict finding."""

    @property
    def names(self) -> tuple[str, str, str]:
        """All three names."""
        return self.first, self.second, self.other


class RoomShape(Enum):
    """The kinds of names of rooms."""

    CASE = SimilarRooms(
        "wsproof-Team", "wsproof-team", "wsproof-crew", "ignore the case of the rooms' names", is_policy=True
    )
    LONG = SimilarRooms(
        "wsproof" + "x" * 180 + "1",
        "wsproof" + "x" * 180 + "2",
        "crew" + "y" * 183 + "3",
        "compare only the first characters of the rooms' names",
    )
    MEDIUM = SimilarRooms(
        "wsproof" + "x" * 30 + "1",
        "wsproof" + "x" * 30 + "2",
        "crew" + "y" * 33 + "3",
        "compare only the first characters of the rooms' names",
    )
    LETTERS = SimilarRooms(
        "wsproof-日本",
        "wsproof-中国",
        "crew-한국",
        "leave out characters that are not ASCII when it compares the rooms' names",
    )
    WIDTH = SimilarRooms(
        "wsproof-１２",
        "wsproof-12",
        "crew-３４",
        "normalize the Unicode characters of the rooms' names (NFKC)",
        is_policy=True,
    )
    NUMBER = SimilarRooms(
        "9182737",
        "9182737-b",
        "8273645-c",
        "read only the number at the beginning of the rooms' names",
    )
    BLANKS = SimilarRooms(
        "wsproof-a ", "wsproof-a", "crew-b ", "strip white space from the rooms' names", is_policy=True
    )
    PATTERN = SimilarRooms(
        "wsproof-pa*",
        "wsproof-pattern",
        "crew-pattern",
        "take a room's name for a pattern, as PSUBSCRIBE of Redis does",
        is_policy=True,
    )

"""Keys for channels whose messages carry a version or a number and no text: the publication that made each version.

The server makes one new version of each publication. So the next version that is new to all members belongs to the
oldest publication that has no version yet. Which of several publications in flight made a version cannot be known; that
each of them made one can.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TypeAlias

Key: TypeAlias = tuple[int, int]
"""Publisher and sequence number."""
Version: TypeAlias = int | str

CANNOT_BE_KNOWN = (
    "The messages of this channel carry a version and no text. So which publication made which version, and whether a "
    "text arrives unchanged, cannot be known."
)
"""The note in each finding on such a channel."""


@dataclass
class VersionKeys:
    """The versions of one schedule and the publications that made them."""

    _keys: dict[Version, Key | None] = field(default_factory=dict)
    """The publication that made each version.

    None if the version came when no publication was waiting for one.
    """
    _waiting: deque[Key] = field(default_factory=deque)
    """Publications without a version, the oldest first."""

    def published(self, publisher: int, sequence: int) -> None:
        """Note a publication. Call this in the order in which they are sent."""
        self._waiting.append((publisher, sequence))

    def key_of(self, version: Version, *, is_joining: bool) -> Key | None:
        """The publication that made this version; None if no publication did.

        The server may send the current state to a member that joins. That is no change, so it uses up no publication.
        """
        if version not in self._keys and not is_joining:
            self._keys[version] = self._waiting.popleft() if self._waiting else None
        return self._keys.get(version)

    @property
    def is_used(self) -> bool:
        """Whether any version has been read."""
        return bool(self._keys)

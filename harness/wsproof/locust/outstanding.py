"""Outstanding deliveries: the members that still wait for a publication, reply or notice. The drain ends with them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator

Key = tuple[Hashable, ...]


class OutstandingDeliveries:
    """The waiting members by key. A key without waiting members is removed."""

    def __init__(self) -> None:
        self._waiting: dict[Key, set[int]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def expect(self, key: Key, members: Iterable[int]) -> None:
        """Let these members wait for `key`."""
        waiting = set(members)
        if waiting:
            self._waiting[key] = waiting

    def of(self, key: Key) -> set[int] | None:
        """The members that wait for `key`: the set itself, not a copy. None if no member does."""
        return self._waiting.get(key)

    def came(self, key: Key, member: int) -> bool:
        """Record that a member has received `key`. True if it was the last member that waited."""
        waiting = self._waiting.get(key)
        if waiting is None or member not in waiting:
            return False
        waiting.discard(member)
        if waiting:
            return False
        del self._waiting[key]
        return True

    def drop(self, key: Key) -> None:
        """Remove `key`: no member waits for it any more."""
        self._waiting.pop(key, None)

    def forget(self, member: int) -> None:
        """Remove a member that has left: it waits for nothing more."""
        for key in list(self._waiting):
            self.came(key, member)

    def items(self) -> Iterable[tuple[Key, set[int]]]:
        """All keys with the members that wait for them, in the order of `expect`."""
        return self._waiting.items()

    def pairs(self) -> Iterator[tuple[Key, int]]:
        """All outstanding deliveries as pairs of key and member."""
        for key, members in self._waiting.items():
            for member in members:
                yield key, member

"""What is under way: who still misses which publication, reply or notice. Decides when a drain is over."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator

Key = tuple[Hashable, ...]


class OutstandingDeliveries:
    """Sets of members by what they wait for; a set that is empty is gone."""

    def __init__(self) -> None:
        self._waiting: dict[Key, set[int]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def expect(self, key: Key, members: Iterable[int]) -> None:
        """From now on these members wait for `key`."""
        waiting = set(members)
        if waiting:
            self._waiting[key] = waiting

    def of(self, key: Key) -> set[int] | None:
        """Who waits for `key`: the living set; None where nobody does."""
        return self._waiting.get(key)

    def came(self, key: Key, member: int) -> bool:
        """A member waits no more. True where it was the last one."""
        waiting = self._waiting.get(key)
        if waiting is None or member not in waiting:
            return False
        waiting.discard(member)
        if waiting:
            return False
        del self._waiting[key]
        return True

    def forget(self, member: int) -> None:
        """A member has left: nothing more will come to it."""
        for key in list(self._waiting):
            self.came(key, member)

    def pairs(self) -> Iterator[tuple[Key, int]]:
        """Everything that is missing, one member at a time."""
        for key, members in self._waiting.items():
            for member in members:
                yield key, member

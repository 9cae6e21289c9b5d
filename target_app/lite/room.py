"""Connections that get the same messages: the members of the chat, the viewers of the dashboard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .connection import Connection


class Room:
    """A set of connections. `publish` never waits, so all members see one order [C8]."""

    def __init__(self) -> None:
        self._members: set[Connection] = set()

    def __len__(self) -> int:
        return len(self._members)

    def publish(self, data: str, latest_only: bool = False) -> None:
        for member in self._members:
            member.send(data, latest_only)

    @contextmanager
    def membership(self, connection: Connection) -> Iterator[None]:
        """Add a connection for the duration of the block, however it ends [4, C1, C12]."""
        self._members.add(connection)
        try:
            yield
        finally:
            self._members.discard(connection)

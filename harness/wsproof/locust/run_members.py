"""The members of a workload run: which of them are connected and present, and whom a publication reaches."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from wsproof.locust.connection import GeventConnection
from wsproof.model.contract import Audience
from wsproof.model.history import Departure, Member
from wsproof.workloads import Workload

PLANNED_TO_STAY = (Departure.STAYED, Departure.DROPPED)
"""Departures of members that did not leave as planned."""


class RunMembers:
    """The members by number. `speakers` is the number of members that publish, from the first on; None: all."""

    def __init__(self, workload: Workload, speakers: int | None) -> None:
        self._workload = workload
        self._speakers = speakers
        self.all: list[Member] = []
        self.names: set[str] = set()
        self.lines: dict[int, GeventConnection] = {}
        """The connections of the members that are connected."""
        self.present: set[int] = set()
        """Members that are present: connected, and with a first receipt."""
        self.unhurried: set[int] = set()
        """Members that read slowly or not at all, on purpose."""
        self.sent_ns: list[array[int]] = []
        """The send times in ns of each member's publications, by sequence number. 0: the publication was not sent."""
        self._silent: set[int] = set()
        """Members that never publish."""

    def __len__(self) -> int:
        return len(self.all)

    def __iter__(self) -> Iterator[Member]:
        return iter(self.all)

    def __getitem__(self, number: int) -> Member:
        return self.all[number]

    @property
    def users(self) -> int:
        """The number of users so far. One that came back is several members."""
        return sum(1 for member in self.all if member.replaces < 0)

    def add(self, replaces: int, *, may_publish: bool) -> int:
        """Add a member and return its number. `replaces`: see `Member.replaces`."""
        number = len(self.all)
        if not may_publish:
            self._silent.add(number)
        name = self._workload.name_of(number)
        self.all.append(Member(number, name, room=self._workload.room_of(number), replaces=replaces))
        self.names.add(name)
        self.sent_ns.append(array("q"))
        return number

    def change(self, member: int, **changes: Any) -> None:
        """Change what is recorded of a member."""
        self.all[member] = replace(self.all[member], **changes)

    def came_in(self, member: int, now_ns: int) -> None:
        """Record that a member is present, unless it already is, reads slowly on purpose, or has left."""
        if member not in self.present and member not in self.unhurried and not self.all[member].left_ns:
            self.present.add(member)
            self.change(member, in_ns=now_ns)

    def stop_expecting(self, member: int) -> None:
        """Expect nothing more of a member that reads slowly or not at all, on purpose."""
        self.change(member, stalled=True)
        self.unhurried.add(member)
        self.present.discard(member)

    def may_speak(self, member: int) -> bool:
        """Whether the member publishes. One that came back does so if it did as its first member."""
        while self.all[member].replaces >= 0:
            member = self.all[member].replaces
        return member not in self._silent and (self._speakers is None or member < self._speakers)

    def audience(self, publisher: int) -> set[int]:
        """The present members that a publication reaches."""
        match self._workload.contract.audience:
            case Audience.EVERYONE:
                return self.beside(publisher)
            case Audience.OTHERS:
                return self.beside(publisher) - {publisher}
            case Audience.PUBLISHER:
                return {publisher}
        return set()

    def beside(self, member: int) -> set[int]:
        """The present members in the member's room of the channel."""
        if self._workload.rooms == 1:
            return self.present
        return {other for other in self.present if self.all[other].room == self.all[member].room}

    def audience_without_failures(self, publisher: int) -> int:
        """The number of members that a publication would have reached if the server had kept all connections."""
        audience = self._workload.contract.audience
        if audience is Audience.PUBLISHER:
            return 1
        room = self.all[publisher].room
        replaced = {member.replaces for member in self.all}
        count = sum(
            1
            for member in self.all
            if member.room == room
            and member.is_well_behaved
            and member.departure in PLANNED_TO_STAY
            and member.number not in replaced
        )
        return count - (audience is Audience.OTHERS)

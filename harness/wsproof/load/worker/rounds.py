"""The worker's side of rounds: publish, wait until every member has the message, publish again."""

from __future__ import annotations

import asyncio

from wsproof.load.worker.pacer import Sender
from wsproof.load.worker.recorder import WorkerRecorder
from wsproof.load.worker.state import WorkerState
from wsproof.model.contract import Audience
from wsproof.model.history import Kind
from wsproof.model.plan import Phase
from wsproof.net.clock import Deadline

_POLL_S = 0.001
"""Interval, in seconds, at which the worker checks whether a round is complete. Receipts are stamped when they are
read, so the interval does not affect them."""


class RoundPublisher:
    """Publishes rounds from member 0.

    During a round the recorder keeps its rows in memory, because the publisher counts them.
    """

    def __init__(self, state: WorkerState, publisher: Sender) -> None:
        self._state = state
        self._recorder: WorkerRecorder = state.recorder
        self._publisher = publisher
        self.done = 0

    async def play(self, count: int, phase: Phase, deadline_s: float) -> None:
        """Publish `count` rounds."""
        for _ in range(count):
            self._recorder.settle()
            first_number = len(self._recorder.kinds)
            self._publisher.publish(0, phase)
            deadline = Deadline.after(deadline_s)
            while not self._has_reached_all(first_number) and not deadline.passed:
                await asyncio.sleep(_POLL_S)
            self.done += 1
        self._recorder.settle()

    def _has_reached_all(self, first_number: int) -> bool:
        """Whether everybody has received this round's publication.

        A frame that was learned since the round began belongs to this round, because the previous round had ended.
        """
        deliveries, replies = self._expected()
        rows = self._recorder.unwritten_receipts()
        if len(rows) // 3 < deliveries + replies:
            return False
        kinds = self._recorder.kinds
        members: dict[int, set[int]] = {Kind.DELIVERY: set(), Kind.REPLY: set()}
        for member, number in zip(rows[::3], rows[1::3], strict=True):
            if number >= first_number and kinds[number] in members:
                members[kinds[number]].add(member)
        return len(members[Kind.DELIVERY]) >= deliveries and len(members[Kind.REPLY]) >= replies

    def _expected(self) -> tuple[int, int]:
        contract = self._recorder.workload.contract
        publisher = self._state.members.get(0)
        members_in = self._members_in()
        is_here = publisher is not None and publisher.can_send
        match contract.audience:
            case Audience.EVERYONE:
                deliveries = members_in
            case Audience.OTHERS:
                deliveries = members_in - (publisher is not None and publisher.is_in)
            case Audience.PUBLISHER:
                deliveries = int(is_here)
            case Audience.NOBODY:
                deliveries = 0
        return (deliveries, int(contract.replies)) if is_here else (0, 0)

    def _members_in(self) -> int:
        """Number of members of the publisher's room that have had their first receipt and are still connected."""
        workload = self._recorder.workload
        if workload.rooms == 1:
            return self._state.members_in
        own_room = workload.room_of(0)
        members = self._state.members.values()
        return sum(
            member.is_in and member.can_send and workload.room_of(member.member) == own_room for member in members
        )

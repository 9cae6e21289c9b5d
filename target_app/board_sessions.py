"""Boards and their participants: members, cursors, and the messages to all."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from target_app.close_reasons import TRY_AGAIN_LATER, Refusal
from target_app.drawing import Board
from target_app.drawing_messages import CURSOR_OUT, CURSORS, NOWHERE, Member, Members, change_text
from target_app.hub import Hub
from target_app.registry import Registry
from target_app.services import Services

MAX_BOARDS = 64
MAX_PARTICIPANTS = 100
CURSOR_PERIOD = 0.04
"""Seconds between two frames of cursors, while any cursor moves."""


@dataclass(slots=True, eq=False)
class Participant:
    """One connection at a board."""

    member: int
    user: str
    unfinished: set[str] = field(default_factory=set)
    """Strokes that this connection has begun and not finished."""


class BoardSession:
    """One board and its participants. Each change is numbered and published at once, so all get the same order."""

    def __init__(self, hub: Hub, name: str) -> None:
        self.board = Board()
        self.epoch = secrets.token_hex(8)
        self.channel = f"draw/{name}"
        self._hub = hub
        self._participants: dict[int, Participant] = {}
        self._cursors: dict[int, tuple[int, int]] = {}
        self._last_member = 0
        self._flush: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._participants)

    @contextmanager
    def participant(self, user: str) -> Iterator[Participant]:
        """Add a connection to the board for the duration of the block. Raises Refusal if the board is full."""
        if len(self._participants) >= MAX_PARTICIPANTS:
            raise Refusal(TRY_AGAIN_LATER, "board_is_crowded")
        self._last_member = self._last_member % (NOWHERE - 1) + 1
        participant = Participant(self._last_member, user)
        self._participants[participant.member] = participant
        self._publish_members()
        try:
            yield participant
        finally:
            del self._participants[participant.member]
            for stroke_id in participant.unfinished:
                self.publish(self.board.finish(stroke_id))
            self.move_cursor(participant, NOWHERE, NOWHERE)
            self._publish_members()

    def members(self) -> str:
        """Return the message with all members."""
        people = self._participants.values()
        return Members(
            members=[Member(member=participant.member, user=participant.user) for participant in people]
        ).to_json()

    def publish(self, change: dict[str, Any] | None) -> None:
        """Send a change of the board to all; do nothing if there is none."""
        if change is not None:
            self._hub.publish(self.channel, change_text(change))

    def move_cursor(self, participant: Participant, x: int, y: int) -> None:
        """Move a cursor. The next frame of cursors contains the new position."""
        if x != NOWHERE:
            self._cursors[participant.member] = (x, y)
        elif self._cursors.pop(participant.member, None) is None:
            return
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(CURSOR_PERIOD, self._publish_cursors)

    def cursors(self) -> bytes:
        """Return the frame with the positions of all cursors."""
        packed = (CURSOR_OUT.pack(member, x, y) for member, (x, y) in self._cursors.items())
        return bytes([CURSORS]) + b"".join(packed)

    def _publish_cursors(self) -> None:
        self._flush = None
        self._hub.publish(self.channel, self.cursors(), key="cursors")

    def _publish_members(self) -> None:
        self._hub.publish(self.channel, self.members(), key="members")


class BoardSessions(Registry[BoardSession]):
    """The boards of this worker: `services.shared(BoardSessions)`."""

    def __init__(self, services: Services) -> None:
        super().__init__(partial(BoardSession, services.hub), MAX_BOARDS, "too_many_boards")

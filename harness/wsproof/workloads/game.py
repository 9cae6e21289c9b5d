"""The game of the reference server: `/game/{match}`, whose turns reach all followers once, in one order.

A publication is a turn, with its text as the note of that turn. Each member has a seat of its own, and receives the
turns that the server has applied. So a turn that was applied twice is a duplicate, and one that was not is a loss. A
turn that is sent again counts once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.envelope import Envelope, open_envelope
from wsproof.model.reference_server import GAME_SEATS, GAME_TICK
from wsproof.workloads.base import MessageKind, Parsed, Workload
from wsproof.workloads.formats import loaded
from wsproof.workloads.members import PONG, environment, with_token
from wsproof.workloads.steps import JoinRefused, JoinSteps, Send, Wait, json_with

DIRECTIONS = ("up", "right", "down", "left")
TICK_S = 0.02
"""Seconds from one tick to the next in a server that wsproof starts: a turn counts at the next tick."""
SEATS = 15
"""Seats at a match of such a server, as many as there can be: members without a seat could not publish."""
KNOWN = frozenset({"welcome", "match", "players", "seated", "stood", "following"})
"""Message types that no promise of this channel covers."""


class Game(Workload):
    """Each turn of a member with a seat is applied once, and reaches all in one order."""

    name = "game"
    title = "Game: signed in, with a seat; each turn is applied once, and reaches all in one order"
    repeats_count_once = True
    longest_bytes = 100

    @property
    def contract(self) -> Contract:
        return Contract(channel=self.name, audience=Audience.EVERYONE, order=Order.TOTAL)

    def name_of(self, member: int) -> str:
        return f"member-{self.base + member}"

    def path(self, member: int) -> str:
        return with_token(f"/game/wsproof-{self.base}", self.name_of(member))

    def join(self, member: int) -> JoinSteps:
        yield Send(json.dumps({"type": "sit", "name": f"m{self.base + member}"}))
        answer: Any = loaded((yield Wait("a seat", until=_is_seat_or_refusal)))
        if answer["type"] == "error":
            raise JoinRefused(answer["text"])
        yield Send(json.dumps({"type": "follow"}))
        yield Wait("following", until=json_with(type="following"), subscribes=True)

    def publish(self, member: int, envelope: Envelope, body: str) -> str:
        direction = DIRECTIONS[envelope.sequence % len(DIRECTIONS)]
        note = envelope.seal(body)
        return json.dumps({"type": "turn", "seq": envelope.sequence + 1, "direction": direction, "note": note})

    def read(self, member: int, message: str | bytes) -> Parsed:
        if isinstance(message, bytes):  # the state of the match
            return Parsed(MessageKind.IGNORED)
        match loaded(message):
            case {"type": "turned", "note": str(note)}:
                return Parsed(MessageKind.DELIVERY, open_envelope(note), text=note)
            case {"type": "ping"}:
                return Parsed(MessageKind.IGNORED, needs_answer=True)
            case {"type": kind} if kind in KNOWN:
                return Parsed(MessageKind.IGNORED)
        return Parsed(MessageKind.UNEXPECTED, text=message)

    def answer(self, member: int, message: str | bytes) -> Iterable[str]:
        return (PONG,)

    def server_environment(self) -> Mapping[str, str]:
        return {**environment(), GAME_TICK: f"{TICK_S:g}", GAME_SEATS: f"{SEATS}"}


def _is_seat_or_refusal(message: str | bytes) -> bool:
    match loaded(message):
        case {"type": "seated"} | {"type": "error", "code": "unavailable"}:
            return True
    return False

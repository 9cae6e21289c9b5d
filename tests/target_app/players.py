"""Clients of `/game/{match}` that maintain the state as the page does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from websockets.sync.client import ClientConnection

from tests.target_app.game.game_view import GameView, SeatSeen
from tests.target_app.people import Person, dial, make_token
from tests.target_app.server import DEADLINE, Server


class Player(Person):
    """A signed-in client at a match. Each message that it reads is applied to the view."""

    def __init__(self, socket: ClientConnection) -> None:
        super().__init__(socket)
        self.match = self.wait("match")
        self.view = GameView(self.match["width"], self.match["height"])
        self.seat: int | None = None
        self.key = ""
        self.ack = 0
        self.frames = 0
        self.unusable = 0

    def read(self) -> dict[str, Any]:
        """Return the next message. A frame has the type `frame`."""
        raw = self.socket.recv(DEADLINE)
        if isinstance(raw, bytes):
            self.frames += 1
            self.unusable += not self.view.take(raw)
            return {"type": "frame", "bytes": len(raw)}
        message: dict[str, Any] = json.loads(raw)
        return message

    def sit(self, name: str, key: str | None = None) -> dict[str, Any]:
        self.send("sit", name=name, **({} if key is None else {"key": key}))
        seated = self.wait("seated")
        self.seat, self.key, self.ack = seated["seat"], seated["key"], seated["ack"]
        return seated

    def steer(self, direction: str) -> int:
        """Turn, and return the number of the turn."""
        self.ack += 1
        self.send("turn", seq=self.ack, direction=direction)
        return self.ack

    def seen(self, seat: int | None) -> SeatSeen | None:
        """Return the state of the player on a seat; None if the seat is free."""
        return next((seen for seen in self.view.seats if seen.seat == seat), None)

    def status(self, seat: int | None) -> int | None:
        seen = self.seen(seat)
        return None if seen is None else seen.status

    def confirmed(self) -> int:
        """Return the number of our latest turn that the server has accepted."""
        seen = self.seen(self.seat)
        return 0 if seen is None else seen.ack

    def watch(self, condition: Callable[[], bool], what: str) -> None:
        """Read until the condition is true."""
        ends = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < ends, f"not within {DEADLINE} s: {what}"
            self.read()

    def watch_turn(self, number: int) -> None:
        """Read until that turn is confirmed."""
        self.watch(lambda: self.confirmed() >= number, f"turn {number} is confirmed")


@contextmanager
def at_match(server: Server, user: str, match: str) -> Iterator[Player]:
    """Yield a player that is signed in and watches, for the duration of the `with` block."""
    headers = {"Authorization": f"Bearer {make_token(user)}"}
    with dial(server, f"/game/{match}", additional_headers=headers) as socket:
        yield Player(socket)

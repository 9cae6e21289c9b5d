"""Clients of `/draw/{board}` that maintain the picture as the page does."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.sync.client import ClientConnection

from tests.target_app.people import Person, dial, make_token
from tests.target_app.server import DEADLINE, Server

Picture = list[tuple[Any, ...]]


class Painter(Person):
    """A signed-in client at a board. Each message that it reads is applied to the picture."""

    def __init__(self, socket: ClientConnection) -> None:
        super().__init__(socket)
        self.epoch, self.seq, self.member = "", 0, 0
        self.cursors: dict[int, tuple[int, int]] = {}
        self.cursor_frames = 0
        self._strokes: dict[str, dict[str, Any]] = {}

    def read(self) -> dict[str, Any]:
        """Return the next message. A frame of cursors has the type `cursors`."""
        raw = self.socket.recv(DEADLINE)
        if isinstance(raw, bytes):
            assert raw[0] == 1
            self.cursor_frames += 1
            self.cursors = {member: (x, y) for member, x, y in struct.iter_unpack(">HHH", raw[1:])}
            return {"type": "cursors"}
        message: dict[str, Any] = json.loads(raw)
        self._apply(message)
        return message

    def _apply(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "board":
            if message["reset"]:
                self._strokes.clear()
            self.epoch, self.seq, self.member = message["epoch"], message["seq"], message["member"]
            self._strokes.update({stroke["id"]: stroke for stroke in message["strokes"]})
        elif kind in ("stroke", "points", "undone", "cleared"):
            assert message["seq"] == self.seq + 1, "a change is missing"
            self.seq = message["seq"]
            if kind == "stroke":
                self._strokes[message["id"]] = message
            elif kind == "points":
                self._strokes[message["id"]]["points"] += message["points"]
            elif kind == "undone":
                self._strokes[message["id"]]["undone"] = True
            else:
                self._strokes.clear()

    def join(self, **where: Any) -> dict[str, Any]:
        """Request the board and wait for all of it. Returns the last piece."""
        self.send("join", **where)
        while (piece := self.wait("board"))["more"]:
            pass
        return piece

    def draw(
        self, stroke_id: str, points: list[int], *, at: int = 0, done: bool = True, color: str = "#aa0000"
    ) -> None:
        self.send("draw", id=stroke_id, at=at, points=points, color=color, width=5, done=done)

    def point(self, x: int, y: int) -> None:
        self.socket.send(struct.pack(">BHH", 1, x, y))

    def picture(self) -> Picture:
        seen = [stroke for stroke in self._strokes.values() if not stroke["undone"]]
        return [
            (stroke["id"], stroke["by"], stroke["color"], stroke["width"], stroke["points"])
            for stroke in sorted(seen, key=lambda stroke: stroke["order"])
        ]


@contextmanager
def at_board(server: Server, user: str, board: str = "test", roles: tuple[str, ...] = ()) -> Iterator[Painter]:
    """Yield a painter that is signed in and welcomed, for the duration of the `with` block."""
    headers = {"Authorization": f"Bearer {make_token(user, roles=roles)}"}
    with dial(server, f"/draw/{board}", additional_headers=headers) as socket:
        painter = Painter(socket)
        painter.wait("welcome")
        yield painter

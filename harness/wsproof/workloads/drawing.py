"""The boards of the reference server: `/draw/{board}`, where all members see the same picture.

A publication is a stroke, with the bytes of its text as coordinates, two to a point. All members get all changes of the
board in one order, so that their pictures agree. The member that has drawn a stroke undoes it when it receives it,
because a board holds a limited number of strokes. A stroke that is sent again counts once, also after it was undone.
The state is the picture: the strokes that can be seen, by their ids.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.envelope import Envelope, open_envelope
from wsproof.workloads.base import MessageKind, Parsed, Workload
from wsproof.workloads.formats import loaded
from wsproof.workloads.members import PONG, environment, with_token

PADDING = b" "
"""Precedes a text with an odd number of bytes, so that every x has its y. The envelope is at the end."""
KNOWN = frozenset({"welcome", "board", "undone", "members"})
"""Message types that no promise of this channel covers."""


class Drawing(Workload):
    """Each stroke reaches all members of a board once, and all changes reach them in one order."""

    name = "drawing"
    title = "Drawing: signed in; each stroke reaches all members of the board, in one order"
    repeats_count_once = True
    longest_bytes = 400

    @property
    def contract(self) -> Contract:
        return Contract(channel=self.name, audience=Audience.EVERYONE, order=Order.TOTAL)

    def name_of(self, member: int) -> str:
        return f"member-{self.base + member}"

    def path(self, member: int) -> str:
        return with_token(f"/draw/wsproof-{self.base}", self.name_of(member))

    def greeting(self, member: int) -> str:
        return json.dumps({"type": "join"})

    def publish(self, member: int, envelope: Envelope, body: str) -> str:
        text = envelope.seal(body).encode()
        points = list(text if len(text) % 2 == 0 else PADDING + text)
        name = f"{envelope.publisher}-{envelope.sequence}-{envelope.intended_ns}"
        stroke = {"type": "draw", "id": name, "at": 0, "points": points, "color": "#000000", "width": 4, "done": True}
        return json.dumps(stroke)

    def read(self, member: int, message: str | bytes) -> Parsed:
        if isinstance(message, bytes):  # the positions of the others' pointers
            return Parsed(MessageKind.IGNORED)
        match loaded(message):
            case {"type": "stroke", "by": str(by), "points": list(points)} if all(map(_is_byte, points)):
                text = bytes(points)
                shown = text.decode(errors="replace")
                opened = open_envelope(text)
                return Parsed(MessageKind.DELIVERY, opened, publisher=by, text=shown, needs_answer=True)
            case {"type": "ping"}:
                return Parsed(MessageKind.IGNORED, needs_answer=True)
            case {"type": kind} if kind in KNOWN:
                return Parsed(MessageKind.IGNORED)
        return Parsed(MessageKind.UNEXPECTED, text=message)

    def answer(self, member: int, message: str | bytes) -> Iterable[str]:
        asked: Any = loaded(message)
        if asked["type"] == "ping":
            return (PONG,)
        if asked["by"] != self.name_of(member):  # a reading may be shared by all that receive the same bytes
            return ()
        return (json.dumps({"type": "undo", "id": asked["id"]}),)

    def state(self, member: int, messages: Sequence[str | bytes]) -> Mapping[str, Any] | None:
        picture: dict[str, Any] | None = None
        for message in messages:
            match loaded(message):
                case {"type": "board", "reset": bool(reset), "strokes": list(strokes)}:
                    picture = {} if reset or picture is None else picture
                    for stroke in strokes:
                        _place(picture, stroke)
                case {"type": "stroke"} as stroke if picture is not None:
                    _place(picture, stroke)
                case {"type": "undone", "id": str(name)} if picture is not None:
                    picture.pop(name, None)
        return picture

    def server_environment(self) -> Mapping[str, str]:
        return environment()


def _is_byte(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < 256


def _place(picture: dict[str, Any], stroke: Mapping[str, Any]) -> None:
    """Put a stroke into a picture, or take it away if it is undone. Its layer is part of what is seen."""
    name = str(stroke.get("id"))
    picture.pop(name, None)
    if not stroke.get("undone"):
        picture[name] = {part: stroke.get(part) for part in ("by", "order", "color", "width", "points", "done")}

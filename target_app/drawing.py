"""A drawing by several users at once, with the same state for all. Pure: no I/O, no clock, no randomness.

The board applies commands one after the other and numbers every change (`seq`), so there is one order. Each command may
arrive twice, because a client that was disconnected repeats unconfirmed ones. The second time it changes nothing. A
client with the state up to `seq` only needs `since(seq)`: all strokes that changed later, each of them whole.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

WIDTH, HEIGHT = 1600, 1000
"""Size of the paper. Points are integers, so that all clients calculate with the same numbers."""

MAX_POINTS_OF_STROKE = 2_000
MAX_POINTS = 200_000
MAX_STROKES = 4_000
MAX_REMEMBERED_UNDONE = 1_000
"""Number of undone strokes remembered by id, so that a late repetition of one does not bring it back."""


class Refused(Exception):
    """Raised for a command that the board rejects, with a stable code, the wrong field, and a text for people."""

    def __init__(self, code: str, field: str, text: str) -> None:
        super().__init__(text)
        self.code, self.field, self.text = code, field, text


@dataclass(slots=True)
class Stroke:
    """One line of one user. `order` is its layer, `seq` the number of its latest change."""

    id: str
    by: str
    order: int
    color: str
    width: int
    seq: int
    points: array[int] = field(default_factory=lambda: array("H"))
    """x and y alternately."""
    done: bool = False
    undone: bool = False

    def __len__(self) -> int:
        return len(self.points) // 2

    def whole(self) -> dict[str, Any]:
        """Return all fields, for a client that may not know the stroke yet."""
        return {
            "id": self.id,
            "by": self.by,
            "order": self.order,
            "color": self.color,
            "width": self.width,
            "seq": self.seq,
            "points": self.points.tolist(),
            "done": self.done,
            "undone": self.undone,
        }


@dataclass(frozen=True, slots=True)
class Pen:
    """The pen of a stroke, set when the stroke begins."""

    color: str
    width: int


class Board:
    """The strokes of one board. Methods that change it return the change for all clients, or None for no change."""

    def __init__(self) -> None:
        self.seq = 0
        self.floor = 0
        """A client whose state is older than this number must start from an empty board."""
        self._strokes: dict[str, Stroke] = {}
        self._undone: dict[str, Stroke] = {}
        self._points = 0

    def strokes(self) -> list[Stroke]:
        """Return the visible strokes, bottom first."""
        return sorted(self._strokes.values(), key=lambda stroke: stroke.order)

    def draw(
        self, by: str, stroke_id: str, pen: Pen, at: int, points: Sequence[int], *, done: bool
    ) -> dict[str, Any] | None:
        """Add `points` (x and y alternately) to a stroke, from its point number `at` on. `at` 0 begins the stroke.

        Raises `Refused` for the stroke of another user, for a gap before `at`, and if the stroke or the board is full.
        """
        if stroke_id in self._undone:
            return None
        stroke = self._strokes.get(stroke_id)
        if stroke is not None and stroke.by != by:
            raise Refused("forbidden", "id", "this stroke belongs to somebody else")
        known = 0 if stroke is None else len(stroke)
        if at > known:
            raise Refused("invalid", "at", f"the stroke has {known} points so far, so the next ones begin at {known}")
        fresh = points[(known - at) * 2 :]
        if stroke is None:
            self._check_room(len(fresh) // 2, 0)
            return self._begin(by, stroke_id, pen, fresh, done=done)
        if not fresh and stroke.done >= done:
            return None
        self._check_room(len(fresh) // 2, known)
        self._extend(stroke, fresh, done=done)
        return {"type": "points", "seq": self.seq, "id": stroke_id, "at": known, "points": list(fresh), "done": done}

    def finish(self, stroke_id: str) -> dict[str, Any] | None:
        """Mark a stroke as finished because its author has left."""
        stroke = self._strokes.get(stroke_id)
        if stroke is None or stroke.done:
            return None
        return self.draw(stroke.by, stroke_id, Pen(stroke.color, stroke.width), len(stroke), (), done=True)

    def undo(self, by: str, stroke_id: str) -> dict[str, Any] | None:
        """Undo an own stroke for all. Raises `Refused` for the stroke of another user, and for an unknown one."""
        if stroke_id in self._undone:
            return None
        stroke = self._strokes.get(stroke_id)
        if stroke is None:
            raise Refused("not_found", "id", "there is no such stroke on this board")
        if stroke.by != by:
            raise Refused("forbidden", "id", "this stroke belongs to somebody else")
        del self._strokes[stroke_id]
        self._points -= len(stroke)
        stroke.points, stroke.done, stroke.undone = array("H"), True, True
        self._touch(stroke)
        self._undone[stroke_id] = stroke
        if len(self._undone) > MAX_REMEMBERED_UNDONE:
            self.floor = self._undone.pop(next(iter(self._undone))).seq
        return {"type": "undone", "seq": self.seq, "id": stroke_id}

    def clear(self) -> dict[str, Any]:
        """Remove all strokes."""
        self._strokes.clear()
        self._undone.clear()
        self._points = 0
        self.seq += 1
        self.floor = self.seq
        return {"type": "cleared", "seq": self.seq}

    def since(self, seq: int, most_points: int) -> tuple[list[dict[str, Any]], int]:
        """Return strokes that changed after `seq`, earliest change first, and the `seq` up to which they are complete.

        They have about `most_points` points in all, or are one stroke.
        """
        changed = sorted((stroke for stroke in self._known() if stroke.seq > seq), key=lambda stroke: stroke.seq)
        taken = list(_up_to(changed, most_points))
        informed = self.seq if len(taken) == len(changed) else taken[-1].seq
        return [stroke.whole() for stroke in taken], informed

    def _known(self) -> Iterable[Stroke]:
        yield from self._strokes.values()
        yield from self._undone.values()

    def _check_room(self, fresh: int, known: int) -> None:
        if known + fresh > MAX_POINTS_OF_STROKE:
            raise Refused("unavailable", "points", f"a stroke has at most {MAX_POINTS_OF_STROKE} points")
        if self._points + fresh > MAX_POINTS or (known == 0 and len(self._strokes) >= MAX_STROKES):
            raise Refused("unavailable", "points", "the board is full: undo something, or use another board")

    def _begin(self, by: str, stroke_id: str, pen: Pen, points: Sequence[int], *, done: bool) -> dict[str, Any]:
        stroke = Stroke(stroke_id, by, self.seq + 1, pen.color, pen.width, self.seq + 1)
        self._strokes[stroke_id] = stroke
        self._extend(stroke, points, done=done)
        return {"type": "stroke", **stroke.whole()}

    def _extend(self, stroke: Stroke, points: Sequence[int], *, done: bool) -> None:
        stroke.points.extend(points)
        stroke.done = done
        self._points += len(points) // 2
        self._touch(stroke)

    def _touch(self, stroke: Stroke) -> None:
        self.seq += 1
        stroke.seq = self.seq


def _up_to(strokes: Iterable[Stroke], most_points: int) -> Iterator[Stroke]:
    points = 0
    for stroke in strokes:
        points += len(stroke) + 1
        if points > most_points and points > len(stroke) + 1:
            return
        yield stroke

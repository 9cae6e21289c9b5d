"""A drawing that many make at once, and that is the same picture for all of them. Pure: no I/O, no clock, no chance.

The board takes commands one after the other and numbers every change (`seq`), so there is one agreed order. Each
command may come twice (a client that lost its connection repeats what was not confirmed) and then changes nothing.
Whoever has everything up to some `seq` needs only `since(seq)`: the strokes that changed later, each of them whole.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

WIDTH, HEIGHT = 1600, 1000
"""Units of the paper; points are whole units, so that every screen computes with the same numbers."""

MAX_POINTS_OF_STROKE = 2_000
MAX_POINTS = 200_000
MAX_STROKES = 4_000
MAX_REMEMBERED_UNDONE = 1_000
"""Number of undone strokes remembered by id, so that a late repetition of one does not bring it back."""


class Refused(Exception):
    """A command that the board does not carry out: a stable code, the field to blame, and words for a person."""

    def __init__(self, code: str, field: str, text: str) -> None:
        super().__init__(text)
        self.code, self.field, self.text = code, field, text


@dataclass(slots=True)
class Stroke:
    """One line of one person. `order` is its place in the pile, `seq` the number of its latest change."""

    id: str
    by: str
    order: int
    color: str
    width: int
    seq: int
    points: array[int] = field(default_factory=lambda: array("H"))
    """x and y in turn."""
    done: bool = False
    undone: bool = False

    def __len__(self) -> int:
        return len(self.points) // 2

    def whole(self) -> dict[str, Any]:
        """Everything about it, as it goes to a client that may never have heard of it."""
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
        """Put `points` (x and y in turn) into a stroke from its point number `at` on; `at` 0 begins it.

        Raises `Refused` for somebody else's stroke, for a hole in front of `at`, and when something is full.
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
        """Strokes that changed after `seq`, earliest change first, up to about so many points (at least one stroke);
        and the number up to which whoever takes them is informed."""
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

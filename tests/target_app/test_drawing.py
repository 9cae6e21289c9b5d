"""Tests of the board: all viewers see the same picture, whatever the order of events."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_app import drawing
from target_app.drawing import Board, Pen, Refused

PEN = Pen("#123456", 4)
PEOPLE = ("ada", "grace", "mary")


class Viewer:
    """A client's state: the strokes by id, and the number of the latest change it has."""

    def __init__(self) -> None:
        self.seq = 0
        self._strokes: dict[str, dict[str, Any]] = {}

    def catch_up(self, board: Board, most_points: int = 3) -> None:
        """Catch up piece by piece, as the server does for late joiners."""
        if 0 < self.seq < board.floor:
            self.seq, self._strokes = 0, {}
        while self.seq < board.seq:
            strokes, self.seq = board.since(self.seq, most_points)
            self._strokes.update({stroke["id"]: stroke for stroke in strokes})

    def hear(self, change: dict[str, Any]) -> None:
        assert change["seq"] == self.seq + 1, "a change is missing"
        self.seq = change["seq"]
        if change["type"] == "cleared":
            self._strokes.clear()
        elif change["type"] == "stroke":
            self._strokes[change["id"]] = {**change, "points": list(change["points"])}
        elif change["type"] == "points":
            stroke = self._strokes[change["id"]]
            assert change["at"] * 2 == len(stroke["points"])
            stroke["points"] += change["points"]
            stroke["done"] = change["done"]
        else:
            self._strokes[change["id"]]["undone"] = True

    def picture(self) -> list[tuple[Any, ...]]:
        seen = [stroke for stroke in self._strokes.values() if not stroke["undone"]]
        return [
            (stroke["id"], stroke["by"], stroke["color"], stroke["width"], stroke["points"], stroke["done"])
            for stroke in sorted(seen, key=lambda stroke: stroke["order"])
        ]


def picture(board: Board) -> list[tuple[Any, ...]]:
    return [(s.id, s.by, s.color, s.width, s.points.tolist(), s.done) for s in board.strokes()]


def carry_out(board: Board, step: tuple[Any, ...]) -> dict[str, Any] | None:
    try:
        match step:
            case ("draw", by, stroke_id, at, points, done):
                return board.draw(by, stroke_id, PEN, at, points, done=done)
            case ("undo", by, stroke_id):
                return board.undo(by, stroke_id)
            case ("finish", stroke_id):
                return board.finish(stroke_id)
            case _:
                return board.clear()
    except Refused:
        return None


people = st.sampled_from(PEOPLE)
ids = st.sampled_from(["a", "b", "c", "d"])
pairs = st.lists(st.integers(0, 9), max_size=4).map(lambda xs: [x for x in xs for _ in range(2)])
steps = st.one_of(
    st.tuples(st.just("draw"), people, ids, st.integers(0, 4), pairs, st.booleans()),
    st.tuples(st.just("draw"), people, ids, st.just(0), pairs, st.booleans()),
    st.tuples(st.just("undo"), people, ids),
    st.tuples(st.just("finish"), ids),
    st.just(("clear",)),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(steps, max_size=40), st.data())
def test_all_viewers_see_the_same_picture_whenever_they_join_or_leave(
    scenario: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    board, present, away = Board(), [Viewer()], [Viewer()]
    for step in scenario:
        change = carry_out(board, step)
        if change is not None:
            for viewer in present:
                viewer.hear(change)
        match data.draw(st.sampled_from(["nothing", "nothing", "come", "go", "new"])):
            case "come" if away:
                away[-1].catch_up(board)
                present.append(away.pop())
            case "go" if len(present) > 1:
                away.append(present.pop())
            case "new":
                away.insert(0, Viewer())
    for viewer in away:
        viewer.catch_up(board)
    for viewer in (*present, *away):
        assert viewer.picture() == picture(board)


Script = list[tuple[str, list[int]]]
scripts = st.lists(st.tuples(st.sampled_from(["draw", "undo"]), pairs.filter(bool)), max_size=5)


def commands_of(person: str, script: Script) -> list[tuple[Any, ...]]:
    """Return the commands of one client: each stroke in two pieces, some undone."""
    sent: list[tuple[Any, ...]] = []
    for number, (action, points) in enumerate(script):
        stroke_id = f"{person}{number}"
        sent.append(("draw", person, stroke_id, 0, points, False))
        sent.append(("draw", person, stroke_id, len(points) // 2, points, True))
        if action == "undo":
            sent.append(("undo", person, stroke_id))
    return sent


@settings(max_examples=150, deadline=None)
@given(st.tuples(scripts, scripts, scripts), st.data())
def test_any_interleaving_and_repetition_of_commands_gives_the_same_strokes(
    written: tuple[Script, Script, Script], data: st.DataObject
) -> None:
    """Each client's commands arrive in order, mixed with the others', and repeated from any point on."""
    queues = {person: commands_of(person, script) for person, script in zip(PEOPLE, written, strict=True)}
    board = Board()
    sent: dict[str, int] = dict.fromkeys(PEOPLE, 0)
    while open_queues := [person for person in PEOPLE if sent[person] < len(queues[person])]:
        person = data.draw(st.sampled_from(open_queues))
        carry_out(board, queues[person][sent[person]])
        sent[person] += 1
        if data.draw(st.booleans()):
            first = data.draw(st.integers(0, sent[person]))
            for step in queues[person][first : sent[person]]:
                assert carry_out(board, step) is None, "a repeated command changed the drawing"
    for person, script in zip(PEOPLE, written, strict=True):
        kept = [(f"{person}{n}", points * 2) for n, (action, points) in enumerate(script) if action == "draw"]
        assert [(s.id, s.points.tolist()) for s in board.strokes() if s.by == person] == kept


def test_only_the_new_ones_of_overlapping_points_are_added() -> None:
    board = Board()
    board.draw("ada", "a", PEN, 0, [1, 1, 2, 2], done=False)
    change = board.draw("ada", "a", PEN, 1, [2, 2, 3, 3], done=True)
    assert change == {"type": "points", "seq": 2, "id": "a", "at": 2, "points": [3, 3], "done": True}


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (lambda board: board.draw("grace", "a", PEN, 1, [2, 2], done=True), "forbidden"),
        (lambda board: board.draw("ada", "a", PEN, 2, [2, 2], done=True), "invalid"),
        (lambda board: board.draw("ada", "new", PEN, 1, [2, 2], done=True), "invalid"),
        (lambda board: board.undo("grace", "a"), "forbidden"),
        (lambda board: board.undo("ada", "b"), "not_found"),
    ],
    ids=["others' stroke", "hole", "hole at the start", "others' undo", "unknown undo"],
)
def test_a_refused_change_leaves_the_drawing_and_has_a_code(step: Any, code: str) -> None:
    board = Board()
    board.draw("ada", "a", PEN, 0, [1, 1], done=False)
    before = (board.seq, picture(board))
    with pytest.raises(Refused) as refused:
        step(board)
    assert refused.value.code == code
    assert (board.seq, picture(board)) == before


def test_strokes_and_boards_have_a_limit_and_undoing_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "MAX_POINTS_OF_STROKE", 3)
    monkeypatch.setattr(drawing, "MAX_POINTS", 5)
    board = Board()
    with pytest.raises(Refused, match="at most 3"):
        board.draw("ada", "a", PEN, 0, [0] * 8, done=True)
    board.draw("ada", "a", PEN, 0, [0] * 6, done=True)
    board.draw("ada", "b", PEN, 0, [0] * 4, done=True)
    with pytest.raises(Refused, match="full"):
        board.draw("ada", "c", PEN, 0, [0] * 2, done=True)
    board.undo("ada", "a")
    assert board.draw("ada", "c", PEN, 0, [0] * 2, done=True) is not None


def test_undone_strokes_have_a_limit_and_a_viewer_that_missed_older_ones_reloads_the_board(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(drawing, "MAX_REMEMBERED_UNDONE", 2)
    board, viewer = Board(), Viewer()
    for number in range(4):
        board.draw("ada", str(number), PEN, 0, [1, 1], done=True)
    viewer.catch_up(board)
    for number in range(3):
        board.undo("ada", str(number))
    assert viewer.seq < board.floor
    viewer.catch_up(board)
    assert [stroke[0] for stroke in viewer.picture()] == ["3"]

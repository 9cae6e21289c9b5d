"""The reference server with one planted fault in its rooms, drawing, alerts or game.

`GET /plant/NAME` plants NAME in place of the fault before; `/plant/none` plants none.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import count
from typing import Any

from target_app import drawing, rooms, sqlite_history
from target_app.game import match, seat
from target_app.main import create_app

app = create_app()
planted = ExitStack()
numbers = count()
seen = defaultdict[str, set[str]](set)


@contextmanager
def replaced(owner: Any, name: str, new: Callable[..., Any]) -> Iterator[None]:
    """Replace a method for the duration of the block. `new` gets the usual method first."""
    usual = getattr(owner, name)
    setattr(owner, name, lambda *arguments, **named: new(usual, *arguments, **named))
    try:
        yield
    finally:
        setattr(owner, name, usual)


def whole_despite_undo(usual: Any, board: drawing.Board, by: str, name: str) -> Any:
    """The others are told of an undone stroke, but the board keeps it for those who join later."""
    change = usual(board, by, name)
    if name in board._undone:
        stroke = board._undone[name]
        stroke.points, stroke.undone = array("H", [1, 2]), False
    return change


def only_latest_stroke(usual: Any, board: drawing.Board, seq: int, most_points: int) -> Any:
    strokes, informed = usual(board, seq, most_points)
    return strokes[-1:], informed


def comes_back(usual: Any, board: drawing.Board, by: str, name: str, *more: Any, **named: Any) -> Any:
    """A late repetition of an undone stroke draws it again."""
    board._undone.pop(name, None)
    return usual(board, by, name, *more, **named)


async def none_unread(usual: Any, history: Any, reader: str, channel: str) -> Any:
    return []


async def never_acknowledged(usual: Any, history: Any, reader: str, channel: str, seq: int) -> None:
    """The connected are told of an acknowledgement, but it is not stored."""


async def latest_unread(usual: Any, history: Any, reader: str, channel: str) -> Any:
    return (await usual(history, reader, channel))[-2:]


async def without_ids(usual: Any, history: Any, channel: str, kind: str, sender: str, name: str, *more: Any) -> Any:
    """A message that is sent again under the same id is stored again."""
    return await usual(history, channel, kind, sender, f"{name}-{next(numbers)}", *more)


def applied_twice(usual: Any, place: seat.Seat, turn: Any) -> Any:
    """The number of the latest turn is not compared, so that a repeated turn counts again."""
    place.ack = 0
    return usual(place, turn)


def sometimes_ignored(usual: Any, place: seat.Seat, turn: Any) -> Any:
    """Every fourth turn of a player is dropped."""
    return turn.seq % 4 != 0 and usual(place, turn)


def last_of_tick_only(usual: Any, game: match.Match, inputs: Any) -> Any:
    """Of the turns of a tick, the followers are told only the last."""
    usual(game, inputs)
    del game.taken[:-1]


def with_ghosts(usual: Any, room: rooms.Room) -> Any:
    """The list of a newcomer still has the users that have left."""
    message = usual(room)
    seen[room.channel] |= set(message.users)
    return message.model_copy(update={"users": sorted(seen[room.channel])})


HISTORY = sqlite_history.SqliteHistory
FAULTS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "undone stroke stays for newcomers": lambda: replaced(drawing.Board, "undo", whole_despite_undo),
    "newcomers get the latest stroke only": lambda: replaced(drawing.Board, "since", only_latest_stroke),
    "repeated stroke comes back": lambda: replaced(drawing.Board, "draw", comes_back),
    "unread alerts are forgotten": lambda: replaced(HISTORY, "unread", none_unread),
    "acknowledged alerts stay": lambda: replaced(HISTORY, "acknowledge", never_acknowledged),
    "only the latest alerts stay": lambda: replaced(HISTORY, "unread", latest_unread),
    "repeated alert is sent again": lambda: replaced(HISTORY, "append", without_ids),
    "users that left stay in the list": lambda: replaced(rooms.Room, "members", with_ghosts),
    "repeated turn counts again": lambda: replaced(seat.Seat, "take", applied_twice),
    "turns are dropped": lambda: replaced(seat.Seat, "take", sometimes_ignored),
    "only the last turn of a tick is sent": lambda: replaced(match.Match, "advance", last_of_tick_only),
}


@app.get("/plant/{name}")
def plant(name: str) -> str:
    planted.close()
    if name != "none":
        planted.enter_context(FAULTS[name]())
    return name

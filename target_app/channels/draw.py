"""`/draw/{board}`: many users draw on one board, and all see the same picture.

A client that sends `join` gets the strokes of the board, or the changes since its last visit, in parts and as fast as
it reads. Then it gets every change, in the order of the board. No client misses a stroke: one that is too far behind is
disconnected, and comes back with `join`. Of cursors and of the list of users only the latest state is sent, and nothing
while no cursor moves.

Cursors are binary frames, unsigned and big-endian: from the client u8 1, u16 x, u16 y (both 65535: not over the paper);
from the server u8 1 and, for every cursor over the paper, u16 member, u16 x, u16 y. All other messages are JSON.
"""

from __future__ import annotations

from contextlib import ExitStack

from fastapi import APIRouter, WebSocket

from target_app.board_sessions import BoardSession, BoardSessions, Participant
from target_app.close_reasons import POLICY_VIOLATION, Refusal
from target_app.conversation import Conversation, conversation, typed
from target_app.drawing import Pen, Refused
from target_app.drawing_messages import DIALECT, BoardState, Clear, CursorMoved, Draw, Join, Undo, WholeStroke
from target_app.messages import ErrorCode, ErrorMessage, Message
from target_app.registry import NAME

POINTS_OF_PIECE = 3_000

router = APIRouter()


async def _catch_up(talk: Conversation, session: BoardSession, participant: Participant, join: Join, name: str) -> None:
    """Send all changes. None is lost afterwards: there is no await between the last read and the return."""
    board = session.board
    same = join.epoch == session.epoch and board.floor <= join.since <= board.seq
    since, reset = (join.since, False) if same else (0, True)
    while True:
        if 0 < since < board.floor:  # the board no longer remembers all undone strokes
            since, reset = 0, True
        strokes, since = board.since(since, POINTS_OF_PIECE)
        state = BoardState(
            board=name,
            epoch=session.epoch,
            seq=since,
            member=participant.member,
            reset=reset,
            more=since < board.seq,
            strokes=[WholeStroke(**stroke) for stroke in strokes],
        )
        talk.send(state)
        reset = False
        if not state.more:
            return
        await talk.connection.wait_room()


def _carry_out(talk: Conversation, session: BoardSession, participant: Participant, message: Message) -> None:
    """Change the board or move a cursor. Raises Refused."""
    board = session.board
    match message:
        case Draw():
            pen = Pen(message.color, message.width)
            change = board.draw(talk.user, message.id, pen, message.at, message.points, done=message.done)
            (participant.unfinished.discard if message.done else participant.unfinished.add)(message.id)
            session.publish(change)
        case Undo():
            session.publish(board.undo(talk.user, message.id))
            participant.unfinished.discard(message.id)
        case Clear():
            if not talk.identity.is_admin:
                raise Refused("forbidden", "type", "only an administrator may clear the board")
            session.publish(board.clear())
        case CursorMoved():
            session.move_cursor(participant, message.x, message.y)


def _why_not(refused: Refused, message: Message) -> ErrorMessage:
    text = refused.text[0].upper() + refused.text[1:] + "."
    return ErrorMessage(code=ErrorCode(refused.code), field=refused.field, text=text, ref=getattr(message, "id", None))


@router.websocket("/draw/{name}")
async def draw(websocket: WebSocket, name: str) -> None:
    async with (
        typed(websocket, "draw") as connection,
        conversation(websocket, connection, "draw", DIALECT) as talk,
    ):
        if NAME.fullmatch(name) is None:
            raise Refusal(POLICY_VIOLATION, "board_name")
        session = connection.services.shared(BoardSessions).at(name)
        with session.participant(talk.user) as participant, ExitStack() as seeing:
            async for message in talk:
                if isinstance(message, Join):
                    seeing.close()  # this client has joined before and asks again for missed changes
                    await _catch_up(talk, session, participant, message, name)
                    seeing.enter_context(connection.services.hub.subscription(session.channel, connection))
                    connection.send(session.members())
                    connection.send(session.cursors())
                    continue
                try:
                    _carry_out(talk, session, participant, message)
                except Refused as refused:
                    talk.send_error(_why_not(refused, message))

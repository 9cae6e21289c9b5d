"""`/game/{match}`: two to eight players compete for land, and anybody may watch. The rules are in `game/`.

The server alone decides. Clients send turns and get the state as binary frames. A slow viewer gets only the latest
snapshot and the latest delta. A player who loses the connection keeps the seat for a while, and gets it back with its
key. The match pauses while no client is connected.

Binary frames from the server have the state (layout: `game/frames.py`): per tick about 60 bytes with two players and
180 with eight, and once a second a snapshot of 200 to 600. All other messages are JSON.
"""

from __future__ import annotations

from fastapi import APIRouter, WebSocket

from target_app.close_reasons import POLICY_VIOLATION, Refusal
from target_app.conversation import conversation, typed
from target_app.game.messages import DIALECT, Follow, SitDown, StandUp, Steer
from target_app.match_sessions import MatchSessions
from target_app.messages import ErrorCode, ErrorMessage
from target_app.registry import NAME

NO_SEAT_FREE = ErrorMessage(code=ErrorCode.UNAVAILABLE, text="All seats are taken; you can watch until one is free.")
SIT_FIRST = ErrorMessage(code=ErrorCode.FORBIDDEN, text="Only a client with a seat can steer: send `sit` first.")

router = APIRouter()


@router.websocket("/game/{name}")
async def game(websocket: WebSocket, name: str) -> None:
    async with (
        typed(websocket, "game") as connection,
        conversation(websocket, connection, "game", DIALECT) as talk,
    ):
        if NAME.fullmatch(name) is None:
            raise Refusal(POLICY_VIOLATION, "match_name")
        table = connection.services.shared(MatchSessions).at(name)
        with table.presence(connection):
            async for message in talk:
                match message:
                    case SitDown():
                        if not table.sit(connection, talk.user, message.name, message.key):
                            talk.send_error(NO_SEAT_FREE)
                    case StandUp():
                        table.stand(connection)
                    case Follow():
                        table.follow(connection)
                    case Steer():
                        if not table.steer(connection, message):
                            talk.send_error(SIT_FIRST)

"""Matches with their participants: the players with their seats, the spectators, and the clock."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from target_app.clock import ticks
from target_app.close_reasons import FAULT, REPLACED, TRY_AGAIN_LATER, Refusal
from target_app.connection import Connection
from target_app.game.frames import StateFrames
from target_app.game.match import Match
from target_app.game.messages import (
    DIRECTIONS,
    Following,
    MatchOpened,
    Players,
    PlayerSeen,
    Seated,
    Steer,
    Stood,
    Turned,
)
from target_app.game.rules import Away, Back, Input, Rules, Sit, Stand, Turn
from target_app.registry import Registry
from target_app.services import Services

MAX_MATCHES = 64
MAX_PARTICIPANTS = 200
TICKS_BETWEEN_SNAPSHOTS = 10

logger = logging.getLogger("target_app")


@dataclass(slots=True, eq=False)
class Player:
    """The owner of a seat. The key proves it after a lost connection."""

    seat: int
    name: str
    user: str
    key: str
    connection: Connection | None
    left_at: int = 0
    """The tick at which the latest connection was lost."""


class MatchSession:
    """One match and the users at it. It ticks only while a user is there."""

    def __init__(self, services: Services, name: str) -> None:
        self.channel = f"game/{name}"
        self._turns = f"{self.channel}/turns"
        self._name = name
        self._services = services
        self._seed = secrets.randbits(64)
        self._match = Match(self._seed, Rules(seats=services.settings.game_seats))
        self._frames = StateFrames(self._match, TICKS_BETWEEN_SNAPSHOTS)
        self._inputs: list[Input] = []
        self._players: dict[int, Player] = {}
        self._present: set[Connection] = set()
        self._followers: dict[Connection, ExitStack] = {}
        self._clock: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._present)

    @contextmanager
    def presence(self, connection: Connection) -> Iterator[None]:
        """Add a connection to the match for the duration of the block, as a spectator at first. Raises Refusal if the
        match is full."""
        if len(self._present) >= MAX_PARTICIPANTS:
            raise Refusal(TRY_AGAIN_LATER, "match_is_crowded")
        self._present.add(connection)
        if self._clock is None:
            self._clock = asyncio.create_task(self._tick_on(), name=f"clock of {self.channel}")
        try:
            with self._services.hub.subscription(self.channel, connection):
                connection.send(self._opened().to_json())
                for frame in self._frames.latest():
                    connection.send(frame)
                self._publish_players()
                yield
        finally:
            self._leave(connection)

    def _leave(self, connection: Connection) -> None:
        self._present.discard(connection)
        if connection in self._followers:
            self._followers.pop(connection).close()
        player = self._player_of(connection)
        if player is not None:
            player.connection, player.left_at = None, self._match.tick
            self._inputs.append(Away(player.seat))
        if not self._present and self._clock is not None:
            self._clock.cancel()
            self._clock = None
        self._publish_players()

    # Seats.

    def sit(self, connection: Connection, user: str, name: str, key: str | None) -> bool:
        """Take the seat of that key, a free one, or that of the player away longest. Returns False if all are taken."""
        if self._player_of(connection) is not None:
            return True
        player = self._returning(user, key) or self._newcomer(user, name)
        if player is None:
            return False
        player.connection = connection
        ack = next((seat.ack for seat in self._match.seats() if seat.number == player.seat), 0)
        connection.send(Seated(seat=player.seat, key=player.key, ack=ack).to_json())
        self._publish_players()
        return True

    def _returning(self, user: str, key: str | None) -> Player | None:
        for player in self._players.values():
            if key is not None and player.user == user and secrets.compare_digest(player.key, key):
                if player.connection is not None:
                    player.connection.close(REPLACED, "replaced_by_newer_connection")
                self._inputs.append(Back(player.seat))
                return player
        return None

    def _newcomer(self, user: str, name: str) -> Player | None:
        free = next((seat for seat in range(self._match.rules.seats) if seat not in self._players), None)
        if free is None:
            away = [player for player in self._players.values() if player.connection is None]
            if not away:
                return None
            longest = min(away, key=lambda player: player.left_at)
            free = longest.seat
            self._inputs.append(Stand(free))
            self._free(longest)
        self._inputs.append(Sit(free))
        self._players[free] = Player(free, name, user, secrets.token_urlsafe(12), None)
        return self._players[free]

    def stand(self, connection: Connection) -> None:
        """Give up the seat, if the connection has one."""
        player = self._player_of(connection)
        if player is not None:
            self._inputs.append(Stand(player.seat))
            self._free(player)
            self._publish_players()

    def steer(self, connection: Connection, turn: Steer) -> bool:
        """Plan a turn for the next tick. Returns False if the connection has no seat."""
        player = self._player_of(connection)
        if player is None:
            return False
        self._inputs.append(Turn(player.seat, turn.seq, DIRECTIONS.index(turn.direction), turn.note))
        return True

    def follow(self, connection: Connection) -> None:
        """Send all turns from now on to this connection."""
        if connection not in self._followers:
            following = self._followers[connection] = ExitStack()
            following.enter_context(self._services.hub.subscription(self._turns, connection))
        connection.send(Following().to_json())

    def _free(self, player: Player) -> None:
        del self._players[player.seat]
        if player.connection is not None:
            player.connection.send(Stood().to_json())

    def _player_of(self, connection: Connection) -> Player | None:
        return next((player for player in self._players.values() if player.connection is connection), None)

    # Ticks.

    async def _tick_on(self) -> None:
        """Run the match. After missed periods it pauses for a moment, instead of jumping."""
        async for _ in ticks(self._services.settings.game_tick):
            try:
                self.tick()
            except Exception:
                logger.exception("fault channel=game: all connections to this match are closed")
                for connection in self._present:
                    connection.drop(FAULT)
                return

    def tick(self) -> None:
        """Make one tick and send its frame to all. The clock calls this."""
        inputs, self._inputs = self._inputs, []
        self._match.advance(inputs)
        for turn in self._match.taken:
            self._services.hub.publish(self._turns, self._turned(turn).to_json())
        frame = self._frames.next_frame()
        # Only the latest frame of each kind counts: a delta builds on a snapshot, never on another delta.
        key = "snapshot" if frame is self._frames.snapshot else "delta"
        self._services.counts["game.ticks"] += 1
        self._services.hub.publish(self.channel, frame, key=key)
        kept = {seat.number for seat in self._match.seats()}
        given_up = [player for player in self._players.values() if player.seat not in kept]
        for player in given_up:
            self._free(player)
        if given_up:
            self._publish_players()

    # Messages to the participants.

    def _opened(self) -> MatchOpened:
        rules = self._match.rules
        return MatchOpened(
            match=self._name,
            seed=f"{self._seed:016x}",
            width=rules.width,
            height=rules.height,
            tick_ms=self._services.settings.game_tick * 1000,
            ready_ticks=rules.ready_ticks,
            round_ticks=rules.round_ticks,
            over_ticks=rules.over_ticks,
            respawn_ticks=rules.respawn_ticks,
            away_ticks=rules.away_ticks,
        )

    def _turned(self, turn: Turn) -> Turned:
        direction = DIRECTIONS[turn.direction]
        return Turned(tick=self._match.tick, seat=turn.seat, seq=turn.seq, direction=direction, note=turn.note)

    def _publish_players(self) -> None:
        playing = sorted(self._players.values(), key=lambda player: player.seat)
        connected = sum(player.connection is not None for player in playing)
        players = Players(
            players=[PlayerSeen(seat=player.seat, name=player.name, user=player.user) for player in playing],
            spectators=len(self._present) - connected,
        )
        self._services.hub.publish(self.channel, players.to_json(), key="players")


class MatchSessions(Registry[MatchSession]):
    """The matches of this worker: `services.shared(MatchSessions)`."""

    def __init__(self, services: Services) -> None:
        super().__init__(partial(MatchSession, services), MAX_MATCHES, "too_many_matches")

"""A match. The same seed and the same inputs at the same ticks give the same state on any machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from hashlib import sha256

from target_app.game.chance import Chance
from target_app.game.field import STEPS, Field
from target_app.game.rules import Away, Back, Input, Phase, Rules, Sit, Stand, Status, Turn
from target_app.game.seat import Seat

TRIES_FOR_A_PLACE = 24


class Match:
    """The state of one match. Only `advance` changes it."""

    def __init__(self, seed: int, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self.field = Field(self.rules.width, self.rules.height)
        self.tick = 0
        self.phase = Phase.WARM_UP
        self.ticks_left = 0
        self.taken: list[Turn] = []
        """The turns applied in the latest tick, in order."""
        self._seats: dict[int, Seat] = {}
        self._chance = Chance(seed)

    def seats(self) -> list[Seat]:
        """Return the taken seats, lowest number first."""
        return [self._seats[number] for number in sorted(self._seats)]

    def digest(self) -> str:
        """Return a fingerprint of the whole state."""
        parts = (self.tick, self.phase, self.ticks_left, self._chance.state, self.seats(), bytes(self.field.cells))
        return sha256(repr(parts).encode()).hexdigest()

    def advance(self, inputs: Iterable[Input]) -> None:
        """Make one tick. The inputs of one seat are applied in their order. The order between seats does not matter,
        since an input changes only its own seat."""
        self.tick += 1
        self.taken = []
        for given in inputs:
            self._take(given)
        self._give_up_seats()
        self._change_phase()
        if self.phase in (Phase.WARM_UP, Phase.PLAY):
            self._move()
        if self.phase is not Phase.OVER:
            self._wake()

    # Players.

    def _take(self, given: Input) -> None:
        seat = self._seats.get(given.seat)
        if seat is None:
            if isinstance(given, Sit) and 0 <= given.seat < self.rules.seats:
                self._seats[given.seat] = Seat(given.seat, wakes_at=self.tick)
            return
        match given:
            case Turn():
                if seat.take(given):
                    self.taken.append(given)
            case Stand():
                self._remove(seat)
            case Away() if seat.status is not Status.AWAY:
                self.field.wipe_trail(seat.mark)
                seat.fall(self.tick + self.rules.away_ticks)
                seat.status = Status.AWAY
            case Back() if seat.status is Status.AWAY:
                seat.fall(self.tick)

    def _remove(self, seat: Seat) -> None:
        self.field.wipe(seat.mark)
        del self._seats[seat.number]

    def _give_up_seats(self) -> None:
        for seat in self.seats():
            if seat.status is Status.AWAY and seat.wakes_at <= self.tick:
                self._remove(seat)

    # Rounds.

    def _change_phase(self) -> None:
        enough = len(self._seats) >= 2
        if self.ticks_left > 0:
            self.ticks_left -= 1
        if self.phase is Phase.WARM_UP and enough:
            self._start_round()
        elif self.phase is Phase.READY and not enough:
            self._enter(Phase.WARM_UP, 0)
        elif self.phase is Phase.READY and self.ticks_left == 0:
            self._enter(Phase.PLAY, self.rules.round_ticks)
        elif self.phase is Phase.PLAY and (self.ticks_left == 0 or not enough):
            self._enter(Phase.OVER, self.rules.over_ticks)
        elif self.phase is Phase.OVER and self.ticks_left == 0:
            self._start_round()

    def _enter(self, phase: Phase, ticks: int) -> None:
        self.phase, self.ticks_left = phase, ticks

    def _start_round(self) -> None:
        """Start a round: clear the field and place all present players."""
        self.field.cells[:] = bytes(len(self.field.cells))
        for seat in self.seats():
            seat.cuts = 0
            if seat.status is not Status.AWAY:
                seat.fall(self.tick)
        self._wake()
        if len(self._seats) >= 2:
            self._enter(Phase.READY, self.rules.ready_ticks)
        else:
            self._enter(Phase.WARM_UP, 0)

    # Moves.

    def _moving(self) -> list[Seat]:
        return [seat for seat in self.seats() if seat.status is Status.MOVING]

    def _move(self) -> None:
        """Move all players at once. Cut players are determined first, then the new owners of cells."""
        moved = []
        for seat in self._moving():
            seat.steer()
            cell = self.field.ahead(seat.cell, seat.direction)
            if cell != seat.cell:
                seat.cell = cell
                moved.append(seat)
        fallen = self._cut_by(moved) | self._collided()
        for number in fallen:
            self._fall(self._seats[number])
        # If two players claim one cell in a tick, the later one in this order gets it. The order rotates each tick.
        for seat in sorted(moved, key=lambda seat: (seat.number + self.tick) % self.rules.seats):
            if seat.number not in fallen:
                self._tread(seat)
        for seat in self._moving():
            if self.field.count(seat.mark) == 0:
                self._fall(seat)

    def _cut_by(self, moved: list[Seat]) -> set[int]:
        """Return the players whose trails were hit in this step."""
        cut = set()
        for seat in moved:
            mark = self.field.trail(seat.cell)
            if mark:
                cut.add(mark - 1)
                if mark != seat.mark:
                    seat.cuts += 1
        return cut

    def _collided(self) -> set[int]:
        """Return the players on a cell with another player, outside of their own area."""
        moving = self._moving()
        heads = Counter(seat.cell for seat in moving)
        return {seat.number for seat in moving if heads[seat.cell] > 1 and self.field.land(seat.cell) != seat.mark}

    def _fall(self, seat: Seat) -> None:
        self.field.wipe_trail(seat.mark)
        seat.fall(self.tick + self.rules.respawn_ticks)

    def _tread(self, seat: Seat) -> None:
        if self.field.land(seat.cell) != seat.mark:
            self.field.lay(seat.cell, seat.mark)
        elif self.field.has_trail(seat.mark):
            self.field.claim(seat.mark)

    # Positions.

    def _wake(self) -> None:
        for seat in self.seats():
            if seat.status is Status.DOWN and seat.wakes_at <= self.tick:
                self._place(seat)

    def _place(self, seat: Seat) -> None:
        """Place a player on its own land, or on a new patch far from the others. If there is none, retry next tick."""
        taken = {other.cell for other in self._moving()}
        home = [cell for cell in self.field.cells_of(seat.mark) if cell not in taken]
        cell = home[self._chance.below(len(home))] if home else self._free_place(taken)
        if cell is None:
            return
        if not home:
            for near in self.field.patch(cell):
                self.field.own(near, seat.mark)
        seat.rise(cell, self._chance.below(len(STEPS)))

    def _free_place(self, taken: set[int]) -> int | None:
        field = self.field
        tried = (self._chance.below(len(field.cells)) for _ in range(TRIES_FOR_A_PLACE))
        free = [cell for cell in tried if not any(field.trail(near) or near in taken for near in field.patch(cell))]

        def quality(cell: int) -> tuple[int, int]:
            wild = sum(field.land(near) == 0 for near in field.patch(cell))
            return wild, min((field.distance(cell, other) for other in taken), default=0)

        return max(free, key=quality, default=None)

from __future__ import annotations

import random
from hashlib import sha256

from hypothesis import given, settings
from hypothesis import strategies as st

from target_app.game.field import Field
from target_app.game.match import Match
from target_app.game.rules import SEATS, Away, Back, Input, Phase, Rules, Sit, Stand, Status, Turn
from target_app.game.seat import Seat
from tests.target_app.game.inputs import SMALL, input_sequences, seeds

UP, RIGHT, DOWN, LEFT = range(4)


def play(seed: int, inputs_by_tick: list[list[Input]]) -> list[str]:
    """Return the digest after every tick."""
    match, digests = Match(seed, SMALL), []
    for inputs in inputs_by_tick:
        match.advance(inputs)
        digests.append(match.digest())
    return digests


@settings(max_examples=60, deadline=None)
@given(seeds, input_sequences)
def test_the_same_seed_and_inputs_give_the_same_state(seed: int, inputs_by_tick: list[list[Input]]) -> None:
    assert play(seed, inputs_by_tick) == play(seed, inputs_by_tick)


def test_the_same_seed_and_inputs_give_the_same_state_on_any_machine_and_any_day() -> None:
    """The digest was recorded once. Another result means that old recordings no longer replay correctly."""
    chance = random.Random(2)
    match = Match(42)
    match.advance([Sit(seat) for seat in range(4)])
    for seq in range(1, 700):
        turns = [Turn(seat, seq, chance.randrange(4)) for seat in range(4) if chance.random() < 0.2]
        match.advance(turns)
    assert sum(match.field.count(seat.mark) for seat in match.seats()) > 36
    assert sha256(bytes(match.field.cells)).hexdigest()[:16] == "47f7f78e5f24e30a"


@settings(max_examples=60, deadline=None)
@given(seeds, input_sequences, st.randoms(use_true_random=False))
def test_the_order_of_inputs_within_a_tick_makes_no_difference(
    seed: int, inputs_by_tick: list[list[Input]], shuffler: object
) -> None:
    def shuffled(inputs: list[Input]) -> list[Input]:
        """Shuffle the seats, but keep the order of each seat's inputs."""
        order = sorted({given.seat for given in inputs})
        shuffler.shuffle(order)  # type: ignore[attr-defined]
        return [given for seat in order for given in inputs if given.seat == seat]

    assert play(seed, inputs_by_tick) == play(seed, [shuffled(inputs) for inputs in inputs_by_tick])


@settings(max_examples=60, deadline=None)
@given(seeds, input_sequences, st.data())
def test_repeated_inputs_change_nothing(seed: int, inputs_by_tick: list[list[Input]], data: st.DataObject) -> None:
    """Covers turns only: a client that reconnects repeats its unconfirmed ones."""
    tick = data.draw(st.integers(0, len(inputs_by_tick) - 1))
    again = [given for inputs in inputs_by_tick[: tick + 1] for given in inputs if isinstance(given, Turn)]
    first, second = Match(seed, SMALL), Match(seed, SMALL)
    for number, inputs in enumerate(inputs_by_tick):
        acks = {seat.number: seat.ack for seat in second.seats()}
        taken = [turn for turn in again if turn.seq <= acks.get(turn.seat, 0)] if number == tick else []
        first.advance(inputs)
        second.advance([*taken, *inputs])
    stood = any(isinstance(given, Stand | Away) for given in inputs_by_tick[tick])
    assert stood or first.digest() == second.digest()


@settings(max_examples=100, deadline=None)
@given(seeds, input_sequences)
def test_at_every_tick_the_field_and_the_seats_agree(seed: int, inputs_by_tick: list[list[Input]]) -> None:
    match = Match(seed, SMALL)
    for inputs in inputs_by_tick:
        match.advance(inputs)
        marks = {seat.mark: seat for seat in match.seats()}
        assert len(marks) <= SEATS
        for cell in range(len(match.field.cells)):
            assert match.field.land(cell) in {0, *marks}
            trail = match.field.trail(cell)
            assert trail == 0 or marks[trail].status is Status.MOVING
        for seat in marks.values():
            assert 0 <= seat.cell < len(match.field.cells)
            if seat.status is Status.MOVING:
                at_home = match.field.land(seat.cell) == seat.mark
                assert at_home or match.field.trail(seat.cell) in (0, seat.mark)
        if match.phase in (Phase.READY, Phase.OVER):
            assert match.ticks_left > 0


def flood_from_the_rim(field: Field, mark: int) -> set[int]:
    """A slow reference implementation: grow the outside until nothing changes."""
    cells = range(len(field.cells))
    outside = {
        cell for cell in cells if field.land(cell) != mark and any(field.ahead(cell, way) == cell for way in range(4))
    }
    while True:
        grown = {
            cell
            for cell in cells
            if field.land(cell) != mark and any(field.ahead(cell, way) in outside for way in range(4))
        } | outside
        if grown == outside:
            return outside
        outside = grown


@settings(max_examples=150, deadline=None)
@given(st.binary(min_size=63, max_size=63))
def test_a_claim_takes_the_trail_and_exactly_the_cells_cut_off_from_the_rim(noise: bytes) -> None:
    field = Field(9, 7)
    for cell, value in enumerate(noise):
        field.own(cell, value % 3)
        if value % 7 == 0:
            field.lay(cell, 1)
    before = bytes(field.cells)
    expected = Field(9, 7)
    expected.cells[:] = bytes(1 if value >> 4 == 1 else value for value in before)
    outside = flood_from_the_rim(expected, 1)
    field.claim(1)
    for cell in range(len(field.cells)):
        assert field.land(cell) == (expected.land(cell) if cell in outside else 1)


# Scenarios on an empty field, in the warm-up.


class MatchSession:
    """A match in which the test sets the players' positions."""

    def __init__(self, **rules: int) -> None:
        self.match = Match(7, Rules(width=20, height=12, ready_ticks=0, respawn_ticks=3, **rules))

    def sit(self, number: int, x: int, y: int, direction: int) -> Seat:
        """Seat a player with a patch of 3 x 3 cells around it."""
        self.match.advance([Sit(number)])
        self.match.field.wipe(number + 1)
        seat = next(seat for seat in self.match.seats() if seat.number == number)
        self.put(seat, x, y, direction)
        for cell in self.match.field.patch(seat.cell):
            self.match.field.own(cell, seat.mark)
        return seat

    def put(self, seat: Seat, x: int, y: int, direction: int) -> None:
        seat.rise(y * 20 + x, direction)

    def run(self, ticks: int, *inputs: Input) -> None:
        self.match.advance(inputs)
        for _ in range(ticks - 1):
            self.match.advance([])

    def at(self, seat: Seat) -> tuple[int, int]:
        y, x = divmod(seat.cell, 20)
        return x, y


def test_a_loop_is_worth_its_trail_and_its_inside() -> None:
    table = MatchSession()
    ada = table.sit(0, 5, 5, RIGHT)
    table.run(3)  # at 8,5; the land ends at 6
    table.run(2, Turn(0, 1, DOWN))  # at 8,7
    table.run(3, Turn(0, 2, LEFT))  # at 5,7
    assert table.match.field.count(ada.mark) == 9
    table.run(1, Turn(0, 3, UP))  # at 5,6: home
    assert table.at(ada) == (5, 6)
    # The trail: 7,5 8,5 8,6 8,7 7,7 6,7 5,7. Inside: 7,6.
    assert table.match.field.count(ada.mark) == 9 + 7 + 1


def cut_scene() -> tuple[MatchSession, Seat, Seat]:
    """Place Grace one cell below Ada's trail, which goes from 5,3 to 9,3."""
    table = MatchSession()
    ada, grace = table.sit(0, 3, 3, RIGHT), table.sit(1, 15, 9, UP)
    table.match.phase, table.match.ticks_left = Phase.PLAY, 500
    table.put(ada, 3, 3, RIGHT)
    table.put(grace, 15, 9, RIGHT)
    table.run(6)
    table.put(grace, 7, 4, UP)
    return table, ada, grace


def test_a_player_whose_trail_is_hit_falls_and_respawns_at_home_later() -> None:
    table, ada, grace = cut_scene()
    table.run(1)
    assert (ada.status, grace.status) == (Status.DOWN, Status.MOVING)
    assert grace.cuts == 1
    assert not table.match.field.has_trail(ada.mark)
    assert table.match.field.count(ada.mark) == 9
    statuses = []
    for _ in range(3):
        table.run(1)
        statuses.append(ada.status)
    assert statuses == [Status.DOWN, Status.DOWN, Status.MOVING]
    assert table.match.field.land(ada.cell) == ada.mark


def test_hitting_ones_own_trail_is_a_fall_without_a_point_for_anybody() -> None:
    table = MatchSession()
    ada = table.sit(0, 5, 5, RIGHT)
    table.run(5)  # at 10,5
    table.run(1, Turn(0, 1, DOWN))
    table.run(1, Turn(0, 2, LEFT))
    table.run(1, Turn(0, 3, UP))  # back on 9,5
    assert (ada.status, ada.cuts) == (Status.DOWN, 0)


def test_players_that_collide_both_fall_but_at_home_only_the_visitor() -> None:
    for x, fallen in ((10, {0, 1}), (15, {0})):
        table = MatchSession()
        ada, grace = table.sit(0, 3, 3, RIGHT), table.sit(1, 15, 3, LEFT)
        table.match.phase, table.match.ticks_left = Phase.PLAY, 500
        table.match.field.wipe_trail(ada.mark)
        table.match.field.wipe_trail(grace.mark)
        table.put(ada, x - 1, 3, RIGHT)
        table.put(grace, x + 1, 3, LEFT)
        table.run(1)
        assert {seat.number for seat in (ada, grace) if seat.status is Status.DOWN} == fallen


def test_a_player_stops_at_the_rim_and_can_turn_away() -> None:
    table = MatchSession()
    ada = table.sit(0, 2, 5, LEFT)
    table.run(6)
    assert (table.at(ada), ada.status) == ((0, 5), Status.MOVING)
    table.run(2, Turn(0, 1, UP))
    assert table.at(ada) == (0, 3)


def test_turns_wait_for_their_ticks_and_a_reversal_is_ignored() -> None:
    table = MatchSession()
    ada = table.sit(0, 10, 6, RIGHT)
    table.run(2, Turn(0, 1, LEFT), Turn(0, 2, UP), Turn(0, 3, LEFT))
    assert table.at(ada) == (9, 5)
    assert ada.ack == 3


def test_a_repeated_turn_is_not_applied_again() -> None:
    table = MatchSession()
    ada = table.sit(0, 10, 6, RIGHT)
    table.run(1, Turn(0, 1, UP))
    table.run(1, Turn(0, 2, RIGHT))
    table.run(2, Turn(0, 1, UP), Turn(0, 2, RIGHT))
    assert (table.at(ada), ada.direction, ada.ack) == ((13, 5), RIGHT, 2)


def test_a_tick_lists_the_turns_that_it_has_applied() -> None:
    match = Match(1, SMALL)
    match.advance([Sit(0), Turn(0, 2, UP), Turn(0, 2, UP), Turn(0, 1, UP), Turn(1, 1, UP), Turn(0, 3, LEFT)])
    assert match.taken == [Turn(0, 2, UP), Turn(0, 3, LEFT)]
    match.advance([Turn(0, 3, LEFT)])
    assert match.taken == []


def test_a_second_player_starts_a_round_and_its_end_starts_the_next() -> None:
    match = Match(1, SMALL)
    phases = []
    for inputs in ([Sit(0)], [Sit(1)], *([] for _ in range(100))):
        match.advance(inputs)
        phases.append(match.phase)
    changes = [phase for phase, before in zip(phases, [None, *phases], strict=False) if phase is not before]
    assert changes[:6] == [Phase.WARM_UP, Phase.READY, Phase.PLAY, Phase.OVER, Phase.READY, Phase.PLAY]


def test_a_seat_is_kept_for_a_while_and_then_given_up() -> None:
    match = Match(1, SMALL)
    match.advance([Sit(0), Sit(1)])
    land = match.field.count(1)
    match.advance([Away(0)])
    for _ in range(SMALL.away_ticks - 2):
        match.advance([])
    assert [seat.number for seat in match.seats()] == [0, 1]
    assert match.field.count(1) == land
    match.advance([Back(0)])
    assert match.seats()[0].status is Status.MOVING
    match.advance([Away(0)])
    for _ in range(SMALL.away_ticks):
        match.advance([])
    assert [seat.number for seat in match.seats()] == [1]
    assert match.field.count(1) == 0

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from target_app.game.frames import StateFrames
from target_app.game.match import Match
from target_app.game.rules import Input, Rules, Sit
from tests.target_app.game.game_view import GameView, SeatSeen
from tests.target_app.game.inputs import SMALL, input_sequences, seeds


def truth(match: Match) -> tuple[object, ...]:
    seats = [
        SeatSeen(
            seat.number,
            seat.status,
            seat.direction,
            seat.cell % match.rules.width,
            seat.cell // match.rules.width,
            match.field.count(seat.mark),
            min(seat.cuts, 255),
            seat.ack,
        )
        for seat in match.seats()
    ]
    return match.tick, match.phase, match.ticks_left, seats, bytes(match.field.cells)


def seen(view: GameView) -> tuple[object, ...]:
    return view.tick, view.phase, view.ticks_left, view.seats, view.cells


@settings(max_examples=80, deadline=None)
@given(seeds, input_sequences, st.integers(1, 12))
def test_a_snapshot_and_the_deltas_after_it_are_the_state(
    seed: int, inputs_by_tick: list[list[Input]], between: int
) -> None:
    match = Match(seed, SMALL)
    camera, view = StateFrames(match, between), GameView(SMALL.width, SMALL.height)
    assert view.take(camera.snapshot)
    for inputs in inputs_by_tick:
        match.advance(inputs)
        assert view.take(camera.next_frame())
        assert seen(view) == truth(match)


@settings(max_examples=80, deadline=None)
@given(seeds, input_sequences, st.data())
def test_a_client_that_missed_frames_recovers_with_the_latest_snapshot_and_delta(
    seed: int, inputs_by_tick: list[list[Input]], data: st.DataObject
) -> None:
    """Model a slow viewer, for whom a newer frame replaces the one that is still queued."""
    match = Match(seed, SMALL)
    camera, view = StateFrames(match, 5), GameView(SMALL.width, SMALL.height)
    for inputs in inputs_by_tick:
        match.advance(inputs)
        frame = camera.next_frame()
        if data.draw(st.booleans()):
            view.take(frame)
    for frame in camera.latest():
        view.take(frame)
    assert seen(view) == truth(match)


def test_a_delta_is_much_smaller_than_a_snapshot_and_both_are_small() -> None:
    match = Match(1, Rules())
    for seat in range(8):
        match.advance([Sit(seat)])
    camera = StateFrames(match, 10)
    for _ in range(200):
        match.advance([])
    snapshot = StateFrames(match, 10).snapshot
    camera = StateFrames(match, 10)
    match.advance([])
    assert len(camera.next_frame()) < len(snapshot) < 1_500

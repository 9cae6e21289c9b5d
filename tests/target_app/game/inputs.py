"""Strategies for whole matches: the players' inputs for every tick."""

from __future__ import annotations

from hypothesis import strategies as st

from target_app.game.rules import SEATS, Away, Back, Input, Rules, Sit, Stand, Turn

SMALL = Rules(width=12, height=9, ready_ticks=2, round_ticks=40, over_ticks=3, respawn_ticks=2, away_ticks=6)
"""A field so small that everything happens soon."""

seats = st.integers(0, 4)
turns = st.builds(Turn, seats, st.integers(1, 200), st.integers(0, 3))
input_lists: st.SearchStrategy[Input] = st.one_of(
    turns, turns, turns, *(st.builds(kind, st.integers(0, SEATS)) for kind in (Sit, Sit, Sit, Stand, Away, Back))
)
input_sequences = st.lists(st.lists(input_lists, max_size=4), min_size=10, max_size=120).map(
    lambda ticks: [[Sit(0), Sit(1), Sit(2)], *ticks]
)
seeds = st.integers(0, 2**64 - 1)

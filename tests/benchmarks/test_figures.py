"""Tests that blocks from several commands are combined as if one command had made them."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from benchmarks import figures
from benchmarks.alternate import alternate
from benchmarks.receiving.modes import LEAST_BYTES, MOST_BYTES, WAYS


def test_every_measurement_is_a_line_and_files_are_read_one_after_the_other(tmp_path: Path) -> None:
    first, second = tmp_path / "new folder" / "first.jsonl", tmp_path / "second.jsonl"
    rows = [{"block": 1, "cpu_us": 2.5}, {"block": 2, "cpu_us": 3.0}, {"block": 3, "cpu_us": 0.5}]
    for path, row in zip((first, first, second), rows, strict=True):
        figures.append(path, row)
    figures.append(None, {"block": 4})
    assert figures.rows_of([first, second]) == rows


def test_a_ratio_compares_what_was_measured_in_one_block() -> None:
    base = [{"block": 1, "us": 2.0}, {"block": 2, "us": 10.0}]
    own = [{"block": 2, "us": 5.0}, {"block": 1, "us": 4.0}, {"block": 3, "us": 7.0}]
    assert figures.ratios(own, base, "us") == [0.5, 2.0]


def test_a_cell_has_its_spread_from_three_blocks_on() -> None:
    form = "{:.1f}".format
    assert [figures.cell(values, form) for values in ([], [1.0, 2.0], [3.0, 1.0, 2.0])] == ["–", "1.5", "2.0 (1.0–3.0)"]


def test_each_contestant_has_one_turn_in_each_block() -> None:
    turns = list(alternate(["a", "b", "c"], 4))
    assert [sorted(candidate for _, candidate in turns[start : start + 3]) for start in range(0, 12, 3)] == [
        ["a", "b", "c"]
    ] * 4
    assert [len({block for block, _ in turns[start : start + 3]}) for start in range(0, 12, 3)] == [1] * 4


def test_mixed_messages_have_both_short_forms_of_length_and_are_the_same_in_every_run() -> None:
    sizes = list(islice(WAYS["batched-mixed"].sizes(), 1000))
    assert sizes == list(islice(WAYS["batched-mixed"].sizes(), 1000))
    assert min(sizes) >= LEAST_BYTES
    assert max(sizes) <= MOST_BYTES
    assert 200 < sum(size > 125 for size in sizes) < 600
    assert set(islice(WAYS["batched-equal"].sizes(), 1000)) == {120}

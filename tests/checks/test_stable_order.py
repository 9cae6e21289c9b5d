"""Tests of the sort of rows by several columns: its order is that of numpy's lexsort."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from wsproof.checks.stable_order import stable_order

SMALL = st.tuples(*[st.integers(-3, 3)] * 3)
WIDE = st.tuples(*[st.integers(-(2**62), 2**62 - 1)] * 3)
"""Numbers whose combination does not fit into one integer."""


def columns_of(rows: list[tuple[int, ...]]) -> list[NDArray[np.int64]]:
    return [np.array([row[at] for row in rows], np.int64) for at in range(3)]


@given(st.lists(SMALL | WIDE, max_size=40), st.booleans())
def test_rows_are_sorted_by_the_first_column_first_and_equal_rows_keep_their_order(
    rows: list[tuple[int, ...]], is_doubled: bool
) -> None:
    columns = columns_of(rows * 2 if is_doubled else rows)
    order, same = stable_order(columns)
    assert order.tolist() == np.lexsort(columns[::-1]).tolist()
    in_order = [tuple(int(column[at]) for column in columns) for at in order]
    assert same.tolist() == [at > 0 and row == in_order[at - 1] for at, row in enumerate(in_order)]


@pytest.mark.parametrize("row", [(0, 0, 0), (2**31, -1, 2**62)])
def test_a_single_row_has_no_row_before_it(row: tuple[int, ...]) -> None:
    order, same = stable_order(columns_of([row]))
    assert (order.tolist(), same.tolist()) == ([0], [False])

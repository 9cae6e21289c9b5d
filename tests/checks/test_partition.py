"""Tests that checking a long run in groups of members gives the same result as checking it at once."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checks.histories import (
    CHAT,
    a_room,
    with_duplicated_receipt,
    with_receipts_swapped,
    with_value,
    without_receipt,
)
from tests.checks.test_random_histories import QUIET, rooms
from wsproof import Measurement
from wsproof.checks import run_checks
from wsproof.model import partition
from wsproof.model.history import History, Receipts
from wsproof.model.partition import groups, member_ranges
from wsproof.model.plan import Plan
from wsproof.stats.metrics import summaries


def findings_and_metrics(history: History) -> tuple[object, ...]:
    """Return the findings and the metrics of a history."""
    findings = {(finding.check, finding.occurrences) for finding in run_checks(history, CHAT)}
    return findings, summaries(Measurement(Plan("chat"), CHAT, history))


def in_portions(history: History, size: int) -> tuple[object, ...]:
    with patch.object(partition, "AT_ONCE", size):
        return findings_and_metrics(history)


@QUIET
@given(history=rooms(least_messages=2), size=st.integers(1, 30))
def test_a_correct_history_has_the_same_findings_when_partitioned(history: History, size: int) -> None:
    assert in_portions(history, size) == findings_and_metrics(history)


@pytest.mark.parametrize("size", [1, 5, 9])
def test_a_fault_is_also_found_in_a_partitioned_history(size: int) -> None:
    clean = a_room(members=5, messages=6).history()
    row = 17
    expected = next(
        at
        for at in range(row + 1, len(clean.receipts))
        if clean.receipts.subscriber[at] == clean.receipts.subscriber[row]
        and clean.receipts.kind[at] == clean.receipts.kind[row]
    )
    for spoiled in (
        without_receipt(clean, row),
        with_duplicated_receipt(clean, row),
        with_receipts_swapped(clean, row, expected),
        with_value(clean, row, "sequence", 77),
        with_value(clean, row, "intact", 0),
    ):
        findings, _ = findings_and_metrics(spoiled)
        assert findings
        assert in_portions(spoiled, size) == findings_and_metrics(spoiled)


def test_each_receipt_is_in_one_partition_and_no_member_is_split(monkeypatch: pytest.MonkeyPatch) -> None:
    whose = np.array([2, 0, 2, 2, 5, 0, 1, 5])
    receipts = Receipts(whose, *(np.zeros(8, np.int64) for _ in range(6)))
    monkeypatch.setattr(partition, "AT_ONCE", 3)
    assert [whose[rows].tolist() for rows in groups(receipts)] == [[0, 0, 1], [2, 2, 2], [5, 5]]
    monkeypatch.setattr(partition, "AT_ONCE", 1)
    parts = [rows.tolist() for rows in groups(receipts)]
    assert sorted(row for part in parts for row in part) == list(range(8))
    assert [set(whose[part].tolist()) for part in parts if part] == [{0}, {1}, {2}, {5}]
    nobody = Receipts(*(np.zeros(0, np.int64) for _ in range(7)))
    assert list(member_ranges(nobody)) == []

"""Tests of the deliveries that a run still waits for."""

from __future__ import annotations

import numpy as np

from wsproof.locust.drain import proven_lost
from wsproof.locust.outstanding import OutstandingDeliveries
from wsproof.model.history import Kind, Receipts


def test_the_last_receipt_of_a_publication_is_reported() -> None:
    outstanding = OutstandingDeliveries()
    outstanding.expect(("x",), [1, 2])
    assert outstanding.came(("x",), 1) is False
    assert outstanding.came(("x",), 1) is False
    assert outstanding.came(("x",), 2) is True
    assert not outstanding


def test_no_receipt_is_outstanding_for_a_member_that_has_left() -> None:
    outstanding = OutstandingDeliveries()
    outstanding.expect(("x",), [1])
    outstanding.expect(("y",), [1, 2])
    outstanding.forget(1)
    assert list(outstanding.pairs()) == [(("y",), 2)]


def test_a_publication_without_receivers_expects_no_receipts() -> None:
    outstanding = OutstandingDeliveries()
    outstanding.expect(("x",), [])
    assert not outstanding


def receipts(*rows: tuple[int, int, int, int]) -> Receipts:
    """Return receipts from rows of (subscriber, publisher, sequence, intact)."""
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    zeros = np.zeros(len(table), dtype=np.int64)
    return Receipts(table[:, 0], table[:, 1], table[:, 2], zeros, zeros, zeros, table[:, 3])


def test_a_publication_is_lost_once_its_reader_has_a_newer_one_of_the_same_publisher() -> None:
    outstanding = OutstandingDeliveries()
    key = (Kind.DELIVERY, 0, 5)
    outstanding.expect(key, [1, 2, 3])
    outstanding.expect((Kind.REPLY, 0, 5), [0])
    received = receipts((1, 0, 6, 1), (2, 9, 6, 1), (3, 0, 6, 0), (0, 0, 6, 1))
    assert proven_lost(outstanding, received) == [(key, 1)]

from __future__ import annotations

import numpy as np

from wsproof.locust.drain import proven_lost
from wsproof.locust.outstanding import OutstandingDeliveries
from wsproof.model.history import Kind, Receipts


def test_the_last_receipt_of_a_publication_is_reported() -> None:
    pending = OutstandingDeliveries()
    pending.expect(("x",), [1, 2])
    assert pending.came(("x",), 1) is False
    assert pending.came(("x",), 1) is False
    assert pending.came(("x",), 2) is True
    assert not pending


def test_a_member_that_leaves_is_no_longer_outstanding_and_no_receipt() -> None:
    pending = OutstandingDeliveries()
    pending.expect(("x",), [1])
    pending.expect(("y",), [1, 2])
    pending.forget(1)
    assert list(pending.pairs()) == [(("y",), 2)]


def test_a_publication_without_receivers_expects_no_receipts() -> None:
    pending = OutstandingDeliveries()
    pending.expect(("x",), [])
    assert not pending


def receipts(*rows: tuple[int, int, int, int]) -> Receipts:
    """Return receipts from rows of (subscriber, publisher, sequence, intact)."""
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    nought = np.zeros(len(table), dtype=np.int64)
    return Receipts(table[:, 0], table[:, 1], table[:, 2], nought, nought, nought, table[:, 3])


def test_a_publication_is_lost_for_certain_once_its_reader_has_a_newer_one_of_the_same_publisher() -> None:
    pending = OutstandingDeliveries()
    key = (Kind.DELIVERY, 0, 5)
    pending.expect(key, [1, 2, 3])
    pending.expect((Kind.REPLY, 0, 5), [0])
    got = receipts((1, 0, 6, 1), (2, 9, 6, 1), (3, 0, 6, 0), (0, 0, 6, 1))
    assert proven_lost(pending, got) == [(key, 1)]

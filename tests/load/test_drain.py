"""Tests that the number of outstanding receipts does not depend on the batch size."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from wsproof import Audience, Contract
from wsproof.load import drain
from wsproof.load.drain import OutstandingReceipts
from wsproof.load.files.worker_files import Records, Rows
from wsproof.model.history import Kind, Outcome, Receipts
from wsproof.model.plan import Phase

MEMBERS, PUBLICATIONS = 5, 23
IN_NS = 10


class Written:
    """Records with one publisher, whose receipts the test provides."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        # One receipt per member, of a probe.
        self.all: list[tuple[int, ...]] = []
        self.receive([(member, 0) for member in range(MEMBERS)], at_ns=IN_NS)

    def receive(self, pairs: list[tuple[int, int]], at_ns: int) -> None:
        self.all += [(member, 0, sequence, 0, at_ns, Kind.DELIVERY, 1) for member, sequence in pairs]

    def publications(self) -> Rows:
        return np.array(
            [(0, n, 0, 1 if n == 0 else 100 + n, Phase.MEASURED, Outcome.OK) for n in range(PUBLICATIONS)], np.int64
        )

    def receipts(self) -> Receipts:
        return Receipts(*np.array(self.all, np.int64).T)

    def update(self) -> None:
        pass

    def journal(self) -> list[dict[str, Any]]:
        return self.told


@pytest.mark.parametrize("cells", [1, 7, 11, 1_000_000])
@pytest.mark.parametrize(
    ("audience", "members"), [(Audience.EVERYONE, MEMBERS), (Audience.OTHERS, MEMBERS - 1), (Audience.PUBLISHER, 1)]
)
def test_missing_receipts_are_counted_exactly(
    monkeypatch: pytest.MonkeyPatch, cells: int, audience: Audience, members: int
) -> None:
    monkeypatch.setattr(drain, "CELLS", cells)
    written = Written()
    outstanding = OutstandingReceipts(cast(Records, written), Contract("x", audience), MEMBERS)
    # The probe (number 0) was sent before any member had joined, so no member expects it.
    assert outstanding.update() == members * (PUBLICATIONS - 1)
    heard = [(member, n) for member in range(MEMBERS) for n in range(1, PUBLICATIONS - 1)]
    written.receive(heard, at_ns=500)
    assert outstanding.update() == members
    written.told.append({"what": "left", "member": 0})
    assert outstanding.update() == (members if audience is Audience.OTHERS else members - 1)
    written.receive([(member, PUBLICATIONS - 1) for member in range(MEMBERS)], at_ns=600)
    assert outstanding.update() == 0

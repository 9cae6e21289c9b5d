"""Publications of which nobody can know whether the server has read them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from wsproof.model.history import Member, Receipts
from wsproof.model.partition import slices

Ints = NDArray[np.int64]


def unsure_publications(
    publisher: Ints, sequence: Ints, receipts: Receipts, members: Sequence[Member]
) -> NDArray[np.bool_]:
    """Which publications are unsure: the last ones of a connection that ended.

    A publication is sure if a member received it, or a later one of the same publisher.
    """
    last_heard = np.full(len(members), -1)
    for part in slices(0, len(receipts)):
        heard_of = receipts.publisher[part]
        intact = (receipts.intact[part] == 1) & (heard_of >= 0) & (heard_of < len(members))
        np.maximum.at(last_heard, heard_of[intact], receipts.sequence[part][intact])
    left_ns = np.array([member.left_ns for member in members], np.int64)
    unsure: NDArray[np.bool_] = (left_ns[publisher] > 0) & (sequence > last_heard[publisher])
    return unsure

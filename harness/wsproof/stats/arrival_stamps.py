"""The accuracy of the arrival times of messages, for the record."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wsproof.model.bench_record import ArrivalIntervals
from wsproof.model.measurement import ArrivalStamps

FULL_SHARE = 0.75
"""A receive buffer that holds this share of the largest window is full: the server may have had to wait.

A socket that nobody read held 0.99 to 1.33 of that window when the server could send no more, with messages of 120 to
16,000 bytes."""


def arrival_intervals(stamps: ArrivalStamps) -> ArrivalIntervals:
    """The messages whose arrival is known only within an interval: their number, and the widths of the intervals."""
    widths, messages = stamps.intervals[:, 1] - stamps.intervals[:, 0], stamps.intervals[:, 2]
    if not messages.sum():
        return ArrivalIntervals(0, 0, 0, 0)
    order = np.argsort(widths)
    widths, up_to = widths[order], np.cumsum(messages[order])
    median, late = (int(widths[np.searchsorted(up_to, share * up_to[-1])]) for share in (0.5, 0.99))
    return ArrivalIntervals(int(up_to[-1]), median, late, int(widths[-1]))


WAKE_NS = 150_000
"""Time, in ns, from the arrival of data to the reading by a process that slept and got its core at once."""


def earliest_ns(received_ns: NDArray[np.int64], stamps: ArrivalStamps) -> NDArray[np.int64]:
    """The earliest time at which each receipt may have arrived. For most of them that is the stamp itself.

    A loop that slept wakes up when the first message of a read arrives: at most WAKE_NS before it reads, or in a
    stretch in which it was late.
    """
    after_ns, at_ns, _, woke_ns = stamps.intervals[np.argsort(stamps.intervals[:, 1], kind="stable")].T
    slept = woke_ns > 0
    arrived_ns = np.minimum(woke_ns - WAKE_NS, _late_since_ns(woke_ns, stamps.late))
    after_ns = np.where(slept, np.maximum(after_ns, np.minimum(arrived_ns, at_ns)), after_ns)
    row = np.searchsorted(at_ns, received_ns)
    has_stamp = row < len(at_ns)
    has_stamp[has_stamp] = at_ns[row[has_stamp]] == received_ns[has_stamp]
    earliest = received_ns.copy()
    earliest[has_stamp] = np.minimum(after_ns[row[has_stamp]], received_ns[has_stamp])
    return earliest


def _late_since_ns(at_ns: NDArray[np.int64], late: NDArray[np.int64]) -> NDArray[np.int64]:
    """The time since which an event loop was late, for each of these times.

    This is the start of the late stretch around the time, or the time itself if there is none.
    """
    start_ns, end_ns = late[np.argsort(late[:, 0])].T
    if not len(start_ns):
        return at_ns
    row = np.searchsorted(start_ns, at_ns, side="right") - 1
    inside = (row >= 0) & (at_ns <= end_ns[row] + WAKE_NS)
    return np.where(inside, start_ns[row], at_ns)


def full_buffer_ns(stamps: ArrivalStamps) -> NDArray[np.int64]:
    """The stamps of reads that found the receive buffer full."""
    at_ns, queued, window = stamps.queues.T
    full: NDArray[np.int64] = at_ns[queued >= FULL_SHARE * window]
    return full

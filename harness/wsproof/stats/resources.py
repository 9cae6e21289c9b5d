"""Resource usage of the server: CPU time per delivery, memory per connection, file descriptors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wsproof.model.history import History, Kind
from wsproof.model.measurement import ServerUsage

KIB = 1024
NS_PER_US = 1000
FEWEST_CPU_STEPS = 10
"""Steps of a CPU clock that a measurement needs. With fewer, one step more or less would be over 10 %."""
FEWEST_RAMP_CONNECTIONS = 10
"""Connections that a ramp needs. With fewer, the slope of resident memory is the noise of the allocator's steps and not
a cost per connection."""


def arrivals_between(history: History, start_ns: int, end_ns: int) -> int:
    """Deliveries and ticks that arrived from `start_ns` (included) to `end_ns` (excluded). Replies do not count."""
    at = history.receipts.received_ns
    is_inside = (history.receipts.kind == Kind.DELIVERY) & (at >= start_ns) & (at < end_ns)
    return int(np.count_nonzero(is_inside)) + sum(start_ns <= tick.received_ns < end_ns for tick in history.ticks)


def cpu_per_delivery_us(history: History, usage: ServerUsage) -> float | None:
    """CPU time of the server's process tree in the measured window / deliveries in the same time, in µs.

    If the samples do not cover the window, the covered part is used. The result is None if that is less than half. It
    is also None if the CPU clock is so coarse that only a few of its steps passed.
    """
    used_ns = _per_delivery(history, usage, usage.cpu_ns, least=FEWEST_CPU_STEPS * usage.cpu_step_ns)
    return None if used_ns is None else used_ns / NS_PER_US


def switches_per_delivery(history: History, usage: ServerUsage) -> float | None:
    """Context switches of the server's threads in the measured window / deliveries. None if they are not known."""
    if (usage.switches < 0).any():
        return None
    return _per_delivery(history, usage, usage.switches)


def most_fds(usage: ServerUsage) -> float | None:
    """The largest number of open file descriptors in a sample. None if it is not known."""
    counts = usage.fds[usage.fds >= 0]
    return float(counts.max()) if len(counts) else None


def _per_delivery(history: History, usage: ServerUsage, counter: NDArray[np.int64], least: float = 0.0) -> float | None:
    if len(usage.at_ns) < 2 or len(counter) != len(usage.at_ns) or history.end_ns <= history.start_ns:
        return None
    start, end = max(history.start_ns, int(usage.at_ns[0])), min(history.end_ns, int(usage.at_ns[-1]))
    if end - start < (history.end_ns - history.start_ns) / 2:
        return None
    delivered = arrivals_between(history, start, end)
    if not delivered:
        return None
    # Offsets, because float64 cannot hold all digits of nanoseconds since boot.
    used = np.interp(np.array([start, end]) - start, usage.at_ns - start, counter - counter[0])
    return float(used[1] - used[0]) / delivered if used[1] - used[0] >= least else None


def memory_per_connection_kib(usage: ServerUsage) -> float | None:
    """Least-squares slope of resident memory over open connections, in KiB.

    The slope covers the first sample up to the first sample with the maximum of connections. Memory that the server
    allocates later belongs to the load. None if the ramp was too small for a slope.
    """
    if not len(usage.at_ns):
        return None
    until = int(np.argmax(usage.connections)) + 1
    connections: NDArray[np.float64] = usage.connections[:until].astype(np.float64)
    memory: NDArray[np.float64] = usage.memory_bytes[:until] / KIB
    if np.ptp(connections) < FEWEST_RAMP_CONNECTIONS:
        return None
    centred = connections - connections.mean()
    return float((centred * (memory - memory.mean())).sum() / (centred * centred).sum())

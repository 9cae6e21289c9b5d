"""Open and ended connections per channel, for `/metrics` and `/admin`."""

from __future__ import annotations

import itertools
import time
from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from target_app.close_reasons import CloseCause, ConnectionEnd

APPLICATION_CODES = 3_000
"""The first close code that applications define (RFC 6455 7.4.2)."""

PEERS_OWN = "3000-4999"

LAG_BOUNDS = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)
"""Bounds of the lag buckets in seconds."""

MEASURED_ONE_IN = 8
"""One of this many writes is measured, since a clock call for each would slow down a broadcast."""

REMEMBERED_ENDINGS = 100


class Counted(Protocol):
    """The figures of a connection."""

    @property
    def channel(self) -> str: ...
    @property
    def began(self) -> float: ...
    @property
    def queued_bytes(self) -> int: ...
    @property
    def received(self) -> int: ...
    @property
    def sent(self) -> int: ...
    @property
    def skipped(self) -> int: ...

    def stuck_since(self) -> float | None: ...


class Lag:
    """Seconds from the creation of messages until they were handed to the transport."""

    def __init__(self) -> None:
        self.counts = [0] * (len(LAG_BOUNDS) + 1)
        self.total = 0.0
        self._turn = 0

    def note(self, made_at: float) -> None:
        """Record the lag of a message that was created at `made_at` (time.monotonic) and has just been written."""
        self._turn += 1
        if self._turn == MEASURED_ONE_IN:
            self._turn = 0
            seconds = time.monotonic() - made_at
            self.counts[bisect_left(LAG_BOUNDS, seconds)] += 1
            self.total += seconds


@dataclass(slots=True)
class ChannelTraffic:
    """Counts of one channel since the start. Messages of open connections are not included."""

    received: int = 0
    sent: int = 0
    skipped: int = 0
    endings: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Number of endings by the label of the close code and the cause."""
    lag: Lag = field(default_factory=Lag)


@dataclass(frozen=True, slots=True)
class Ended:
    """A closed connection. `at`: Unix time in seconds."""

    id: str
    channel: str
    why: str
    code: int
    reason: str
    at: float
    seconds: float


def code_label(ending: ConnectionEnd) -> str:
    """Return the close code as it is counted: one label for all codes that clients may choose, which are 2,000."""
    is_chosen = ending.why is CloseCause.DISCONNECTED and ending.code >= APPLICATION_CODES
    return PEERS_OWN if is_chosen else str(ending.code)


class Traffic:
    """The connections of one worker. Each has an id that is unique among all workers."""

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._numbers = itertools.count(1)
        self._open: dict[Counted, str] = {}
        self.channels: defaultdict[str, ChannelTraffic] = defaultdict(ChannelTraffic)
        self.ended: deque[Ended] = deque(maxlen=REMEMBERED_ENDINGS)

    def open(self) -> Iterator[tuple[str, Counted]]:
        """Yield (id, connection) of all open connections, oldest first."""
        for connection, name in self._open.items():
            yield name, connection

    def enter(self, connection: Counted) -> None:
        self._open[connection] = f"{self._worker}-{next(self._numbers)}"
        _ = self.channels[connection.channel]  # create the entry, so that the channel is listed

    def leave(self, connection: Counted, ending: ConnectionEnd) -> None:
        name = self._open.pop(connection)
        channel = self.channels[connection.channel]
        channel.received += connection.received
        channel.sent += connection.sent
        channel.skipped += connection.skipped
        channel.endings[code_label(ending), str(ending.why)] += 1
        seconds = time.monotonic() - connection.began
        self.ended.append(
            Ended(name, connection.channel, str(ending.why), ending.code, ending.reason, time.time(), seconds)
        )

"""Ways of sending, and how much of each a reader is sent."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

EQUAL_BYTES = 120
LEAST_BYTES, MEAN_BYTES, MOST_BYTES = 70, 130, 500
RATE_HZ = 20_000
AT_LEAST_ROUNDS = 4
SHARES = {"websockets": 1 / 8, "Locust": 1 / 16}
"""Who takes ten times as long per message is sent fewer of them in the batched ways, where nothing else bounds the
time: what is compared is the cost of one."""


@dataclass(frozen=True, slots=True)
class Way:
    """`frames` per send; the time from one send to the next; how many messages in all; are all of one length?"""

    name: str
    frames: int
    gap_ns: float
    messages: int
    is_mixed: bool = False

    def rounds(self, reader: str, connections: int) -> int:
        """How many sends each connection gets: enough that the first of them does not count for much."""
        share = 1.0 if self.gap_ns else SHARES.get(reader, 1.0)
        return max(int(self.messages * share) // (connections * self.frames), AT_LEAST_ROUNDS)

    def sizes(self) -> Iterator[int]:
        """Bytes of one message after the other, the same in every run; mixed ones have both short forms of length."""
        chance = random.Random(1)
        while True:
            longer = chance.expovariate(1 / (MEAN_BYTES - LEAST_BYTES)) if self.is_mixed else EQUAL_BYTES - LEAST_BYTES
            yield min(LEAST_BYTES + int(longer), MOST_BYTES)


WAYS = {
    way.name: way
    for way in (
        Way("single", 1, 1e9 / RATE_HZ, 60_000),
        Way("batched-equal", 64, 0.0, 1_280_000),
        Way("batched-mixed", 64, 0.0, 1_280_000, is_mixed=True),
    )
}

"""Modes of sending, and the number of messages that a reader gets in each."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

EQUAL_BYTES = 120
LEAST_BYTES, MEAN_BYTES, MOST_BYTES = 70, 130, 500
RATE_HZ = 20_000
AT_LEAST_ROUNDS = 4
SHARES = {"websockets": 1 / 8, "Locust": 1 / 16}
"""Share of the messages that slow readers get in the batched modes.

These readers take ten times as long per message, and nothing else bounds the time there. Only the cost of one message
is compared.
"""


@dataclass(frozen=True, slots=True)
class Way:
    """A mode of sending.

    `frames` go into one send, and sends are `gap_ns` apart (0: as fast as the reader takes them). `messages` is the
    number for all connections together. `is_mixed`: the messages have different lengths.
    """

    name: str
    frames: int
    gap_ns: float
    messages: int
    is_mixed: bool = False

    def rounds(self, reader: str, connections: int) -> int:
        """The number of sends that each connection gets: enough that the first ones hardly count."""
        share = 1.0 if self.gap_ns else SHARES.get(reader, 1.0)
        return max(int(self.messages * share) // (connections * self.frames), AT_LEAST_ROUNDS)

    def sizes(self) -> Iterator[int]:
        """Yield the size of each message in bytes, the same in every run. Mixed sizes need 7-bit and 16-bit lengths."""
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

"""Windows in turn: which of several servers is loaded when, while all of them run and keep their connections."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from wsproof.model.arrivals import Span, Trace
from wsproof.model.nanoseconds import NS
from wsproof.model.plan import Plan

REST_SHARE = 0.1
"""Share of a window without publications, at its end: messages that are still on their way have time to arrive."""


@dataclass(frozen=True)
class Turns:
    """The order in which servers are loaded, one window each.

    `order` holds the index of a server per window. `per_round` windows make a round, in which each server has as many
    windows as any other. The first `warmup` rounds are not measured.
    """

    order: tuple[int, ...]
    window_ns: int
    per_round: int
    warmup: int = 1

    @property
    def servers(self) -> int:
        """The number of servers."""
        return max(self.order) + 1

    @property
    def round_ns(self) -> int:
        """Length of a round."""
        return self.per_round * self.window_ns

    @property
    def rounds(self) -> int:
        """The number of rounds, with the warm-up."""
        return len(self.order) // self.per_round

    @property
    def whole_ns(self) -> int:
        """Length of all rounds."""
        return self.rounds * self.round_ns

    def plan_of(self, server: int, plan: Plan) -> Plan:
        """The plan of one server: the arrivals of `plan` in its own windows, and nothing in those of the others.

        The n-th window has the same arrivals for every server, so that no build has an easier schedule.
        """
        span = Span(plan.rate_hz, 0, int(self.window_ns * (1 - REST_SHARE)))
        own = [window for window, loaded in enumerate(self.order) if loaded == server]
        offsets: list[NDArray[np.int64]] = []
        for number, window in enumerate(own):
            drawn = plan.arrivals.times(span, np.random.default_rng((plan.seed, number)))
            offsets.append(drawn[drawn < span.whole_ns] + window * self.window_ns)
        arrivals = Trace(tuple(np.concatenate(offsets).tolist()), "windows")
        warmup_ns = self.warmup * self.round_ns
        times = replace(plan, warmup_s=warmup_ns / NS, duration_s=(self.whole_ns - warmup_ns) / NS)
        return replace(times, arrivals=arrivals, rate_hz=arrivals.mean_hz(times.span))


def turns_of(
    servers: int, *, rounds: int, windows: int, window_ns: int, warmup: int, random: np.random.Generator
) -> Turns:
    """Draw an order with `windows` windows of each server per round.

    Windows come in mirrored pairs (A B C, C B A), which cancels a linear drift within the pair. The first half of each
    pair is drawn at random.
    """
    order: list[int] = []
    half: list[int] = []
    for number in range((rounds + warmup) * windows):
        half = half[::-1] if number % 2 else random.permutation(servers).tolist()
        order += half
    return Turns(tuple(order), window_ns, windows * servers, warmup)

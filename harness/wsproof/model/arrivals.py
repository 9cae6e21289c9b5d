"""Arrival patterns: intended send times of publications. The same value and seed give the same times.

constant       evenly, at the plan's rate
poisson        independent of each other, at the plan's rate on average: like many independent users
burst:N        N at the same moment, repeatedly, at the plan's rate on average
ramp:A-B       the rate changes linearly over the measured window from A to B per second; A during warm-up
trace:FILE     at recorded times
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wsproof.model.nanoseconds import NS

Times: TypeAlias = NDArray[np.int64]
"""Nanoseconds since the start of the warm-up, ascending."""


@dataclass(frozen=True)
class Span:
    """The time to fill: warm-up and measured window in ns, with a rate in publications per second."""

    rate_hz: float
    warmup_ns: int
    window_ns: int

    @property
    def whole_ns(self) -> int:
        return self.warmup_ns + self.window_ns


@dataclass(frozen=True)
class Constant:
    """Evenly spaced; the first arrival is at a random time within the first gap."""

    def times(self, span: Span, random: np.random.Generator) -> Times:
        gap = NS / span.rate_hz
        return (np.arange(int(span.whole_ns / gap)) * gap + random.uniform(0, gap)).astype(np.int64)

    def __str__(self) -> str:
        return "constant"


@dataclass(frozen=True)
class Poisson:
    """Exponential gaps."""

    def times(self, span: Span, random: np.random.Generator) -> Times:
        # Draw 50 % more gaps than expected, so that the last arrival is past the end. The caller drops arrivals after
        # the end.
        count = int(span.whole_ns / NS * span.rate_hz * 1.5) + 50
        return np.cumsum(random.exponential(NS / span.rate_hz, count)).astype(np.int64)

    def __str__(self) -> str:
        return "poisson"


@dataclass(frozen=True)
class BurstArrivals:
    """`size` arrivals at the same moment. Bursts are evenly spaced, so that the mean rate is the plan's."""

    size: int

    def times(self, span: Span, random: np.random.Generator) -> Times:
        bursts = Constant().times(Span(span.rate_hz / self.size, span.warmup_ns, span.window_ns), random)
        return np.repeat(bursts, self.size)

    def __str__(self) -> str:
        return f"burst:{self.size}"


@dataclass(frozen=True)
class RampArrivals:
    """A rate that changes linearly over the measured window. The plan's own rate is not used."""

    from_hz: float
    to_hz: float

    def times(self, span: Span, random: np.random.Generator) -> Times:
        """Return the times: arrival k is sent when the integral of the rate reaches k."""
        warmup_s, window_s = span.warmup_ns / NS, span.window_ns / NS
        before = self.from_hz * warmup_s
        count = before + (self.from_hz + self.to_hz) / 2 * window_s
        reached = np.arange(0.0, count) + random.uniform(0, 1)
        early = reached[reached < before] / self.from_hz if self.from_hz else np.zeros(0)
        rest = reached[reached >= before] - before
        slope = (self.to_hz - self.from_hz) / window_s
        # Solves rate * t + slope * t^2 / 2 = rest for t, in a form that also works for a slope of 0.
        root = np.sqrt(np.maximum(self.from_hz**2 + 2 * slope * rest, 0.0))
        late = warmup_s + 2 * rest / np.maximum(self.from_hz + root, 1e-12)
        return (np.concatenate([early, late]) * NS).astype(np.int64)

    def mean_hz(self) -> float:
        """Return the mean rate over the measured window, per second."""
        return (self.from_hz + self.to_hz) / 2

    def __str__(self) -> str:
        return f"ramp:{self.from_hz:g}-{self.to_hz:g}"


@dataclass(frozen=True)
class Trace:
    """Recorded times, in ns after the first one, which is the start of the warm-up.

    A trace is played once. A shorter trace leaves the end of the run quiet, and the rest of a longer trace is not
    played.
    """

    offsets_ns: tuple[int, ...]
    source: str = "recorded"

    def times(self, span: Span, random: np.random.Generator) -> Times:
        return np.array(self.offsets_ns, np.int64)

    def mean_hz(self, span: Span) -> float:
        """Return the mean rate over the measured window, per second."""
        inside = sum(span.warmup_ns <= at < span.whole_ns for at in self.offsets_ns)
        return inside / (span.window_ns / NS)

    def __str__(self) -> str:
        return f"trace:{self.source}"


Arrivals: TypeAlias = Constant | Poisson | BurstArrivals | RampArrivals | Trace
CONSTANT, POISSON = Constant(), Poisson()
SYNTAX = "constant, poisson, burst:SIZE, ramp:FROM-TO (per second) or trace:FILE (a time in seconds per line)"


def parse_arrivals(text: str) -> Arrivals:
    """Parse an arrival pattern as users type it, except a trace, whose file the caller reads (`parse_trace`).

    Raises:
        ValueError: the text is not a pattern; the message says what was expected.
    """
    kind, _, rest = text.partition(":")
    try:
        if text == "constant":
            return CONSTANT
        if text == "poisson":
            return POISSON
        if kind == "burst" and int(rest) >= 1:
            return BurstArrivals(int(rest))
        if kind == "ramp":
            low, high = (float(word) for word in rest.split("-"))
            if min(low, high) >= 0 and 0 < max(low, high) < float("inf"):
                return RampArrivals(low, high)
    except ValueError:
        pass  # reported below, with the valid forms
    raise ValueError(f"expected {SYNTAX}, got {text!r}")


def parse_trace(lines: Iterable[str], source: str) -> Trace:
    """Parse a trace: one time in seconds per line, ascending. Empty lines and lines that start with # are skipped.

    Raises:
        ValueError: a line is not a time, times go backwards, or there is no time. The message names the line.
    """
    seconds: list[float] = []
    for number, line in enumerate(lines, 1):
        word = line.strip()
        if not word or word.startswith("#"):
            continue
        try:
            at = float(word)
        except ValueError:
            raise ValueError(f"line {number} of the trace is not a time in seconds: {word[:40]!r}") from None
        if not np.isfinite(at) or (seconds and at < seconds[-1]):
            raise ValueError(f"line {number} of the trace goes back in time: {at:g} after {seconds[-1:]}")
        seconds.append(at)
    if not seconds:
        raise ValueError("the trace holds no times: expected one per line, in seconds")
    return Trace(tuple(round((at - seconds[0]) * NS) for at in seconds), source)


def arrivals_to_job(arrivals: Arrivals) -> Any:
    """Return JSON data for a worker process, as `arrivals_from_job` takes it."""
    if isinstance(arrivals, Trace):
        return {"source": arrivals.source, "offsets_ns": list(arrivals.offsets_ns)}
    return str(arrivals)


def arrivals_from_job(encoded: Any) -> Arrivals:
    """The inverse of `arrivals_to_job`."""
    if isinstance(encoded, dict):
        return Trace(tuple(encoded["offsets_ns"]), encoded["source"])
    return parse_arrivals(encoded)

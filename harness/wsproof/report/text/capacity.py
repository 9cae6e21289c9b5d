"""The sentences of a capacity search."""

from __future__ import annotations

from wsproof.model.capacity import CapacityRecord, Interval, LevelOutcome, LevelRecord, SearchEnding
from wsproof.report.text.units import for_reader

SIGNS = {LevelOutcome.MET: "✓", LevelOutcome.MISSED: "✗", LevelOutcome.UNTRUSTED: "?"}
"""The sign of each run's outcome."""
GOOD = (SearchEnding.FOUND, SearchEnding.MET_AT_HIGHEST)
"""Endings of a search that are a success."""
UNITS = {"subscribers": "subscribers", "rate": "publications per second", "rooms": "rooms"}
"""The unit of each quantity that a search can vary."""


def capacity_sentence(capacity: CapacityRecord) -> str:
    """The result in one sentence: a label, a colon, and the details."""
    unit, runs = UNITS[capacity.over], "1 run" if len(capacity.runs) == 1 else f"{len(capacity.runs)} runs"
    lowest = min((run.level for run in capacity.runs), default=0)
    met = f"{capacity.met:,g} {unit}" if capacity.met is not None else ""
    so_far = _range(capacity, capacity.knee) if capacity.knee is not None else "no run could be trusted"
    match capacity.ending:
        case None:
            return f"INCOMPLETE: the search ended early, after {runs}."
        case SearchEnding.FOUND:
            return f"CAPACITY: about {so_far} ({runs})."
        case SearchEnding.MET_AT_HIGHEST:
            return f"CAPACITY: at least {met}, the highest level tried; raise --to to go further ({runs})."
        case SearchEnding.MISSED_AT_LOWEST:
            return f"OBJECTIVE MISSED: already at {lowest:,g} {unit}, the lowest level tried ({runs})."
        case SearchEnding.GENERATOR_LIMITED if met:
            return (
                f"CANNOT TELL: the server takes at least {met}. From {capacity.ceiling:,g} on, the load generator or "
                f"this machine is the limit ({runs})."
            )
        case SearchEnding.GENERATOR_LIMITED:
            return (
                f"CANNOT TELL: at {capacity.ceiling:,g} {unit} and above, no run could be trusted, and none below met "
                f"the objectives, so the server's capacity is unknown ({runs})."
            )
    return f"CANNOT TELL: not settled after {runs}; so far {so_far}. --max-runs allows more."


def level_line(run: LevelRecord, over: str) -> str:
    """One run of the search, as a line for the terminal."""
    outcome = run.outcome.value
    why = "; ".join(run.why).removeprefix(f"{outcome}: ")
    return f"{SIGNS[run.outcome]} {run.level:>7,g} {UNITS[over]}  {outcome}: {why}"


def _range(capacity: CapacityRecord, knee: Interval) -> str:
    low, middle, high = (for_reader(end, "1") for end in (knee.low, knee.middle, knee.high))
    return f"{middle} {UNITS[capacity.over]} ({capacity.confidence * 100:g} % interval {low} to {high})"

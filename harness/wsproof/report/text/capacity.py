"""The result of a capacity search, for the record and as a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wsproof.report.text.units import for_reader
from wsproof.stats.capacity import Capacity, LevelOutcome, SearchEnding
from wsproof.stats.knee import CONFIDENCE
from wsproof.stats.objective import Objective

SIGNS = {"met": "✓", "missed": "✗", "untrusted": "?"}
"""The sign of each run's outcome."""
GOOD = (SearchEnding.FOUND, SearchEnding.MET_AT_HIGHEST)
"""Endings of a search that are a success."""
UNITS = {"subscribers": "subscribers", "rate": "publications per second", "rooms": "rooms"}
"""The unit of each quantity that a search can vary."""
Part = Mapping[str, Any]
"""The record's `parts["capacity"]`."""


def capacity_part(
    over: str, objectives: Sequence[Objective], trials: Sequence[Mapping[str, Any]], found: Capacity | None
) -> dict[str, Any]:
    """The record's `parts["capacity"]`; without `found` the search is still running."""
    knee = found.knee if found is not None else None
    levels = sorted({row["level"] for row in trials})
    return {
        "over": over,
        "ending": found.ending.value if found is not None else None,
        "knee": None if knee is None else {"low": knee.low, "middle": knee.middle, "high": knee.high},
        "confidence": CONFIDENCE,
        "met": found.met if found is not None else None,
        "ceiling": found.ceiling if found is not None else None,
        "objectives": [
            {"text": one.text, "metric": one.metric, "statistic": one.statistic, "limit": one.limit}
            for one in objectives
        ],
        "levels": [
            {"level": level}
            | {
                outcome.value: sum(row["level"] == level and row["outcome"] == outcome.value for row in trials)
                for outcome in LevelOutcome
            }
            for level in levels
        ],
        "trials": list(trials),
    }


def capacity_sentence(part: Part) -> str:
    """The result in one sentence: a label, a colon, and the details."""
    unit, runs = UNITS[part["over"]], "1 run" if len(part["trials"]) == 1 else f"{len(part['trials'])} runs"
    lowest = min((row["level"] for row in part["trials"]), default=0)
    if part["ending"] is None:
        return f"INCOMPLETE: the search was ended after {runs}."
    met = f"{part['met']:,g} {unit}" if part["met"] is not None else ""
    match SearchEnding(part["ending"]):
        case SearchEnding.FOUND:
            return f"CAPACITY: about {_range(part)} ({runs})."
        case SearchEnding.MET_AT_HIGHEST:
            return f"CAPACITY: at least {met}, the most that was tried; --to goes further ({runs})."
        case SearchEnding.MISSED_AT_LOWEST:
            return f"OBJECTIVE MISSED: already at {lowest:,g} {unit}, the least that was tried ({runs})."
        case SearchEnding.GENERATOR_LIMITED if met:
            return (
                f"CANNOT TELL: the server takes at least {met}; from {part['ceiling']:,g} on wsproof's own generator, "
                f"or this machine, is the limit ({runs})."
            )
        case SearchEnding.GENERATOR_LIMITED:
            return (
                f"CANNOT TELL: at {part['ceiling']:,g} {unit} and above, no run could be trusted, and none below met "
                f"the objectives; nothing is said of the server ({runs})."
            )
    so_far = _range(part) if part["knee"] is not None else "not one of them can be trusted"
    return f"CANNOT TELL: not settled after {runs}; so far {so_far}. --trials allows more."


def level_line(row: Mapping[str, Any], over: str) -> str:
    """One run of the search, as a line for the terminal."""
    why = "; ".join(row["why"]).removeprefix(f"{row['outcome']}: ")
    return f"{SIGNS[row['outcome']]} {row['level']:>7,g} {UNITS[over]}  {row['outcome']}: {why}"


def _range(part: Part) -> str:
    knee = part["knee"]
    shown = {end: for_reader(knee[end], "1") for end in ("low", "middle", "high")}
    interval = f"{part['confidence'] * 100:g} % interval {shown['low']} to {shown['high']}"
    return f"{shown['middle']} {UNITS[part['over']]} ({interval})"

"""Faulty clients beside a load, and reconnect storms, in words: shared by terminal, page and Markdown."""

from __future__ import annotations

from dataclasses import dataclass

from wsproof.model.fault_record import FaultFigure, FaultsRecord, FaultTally, ServerState, StormRecord, StormTurn
from wsproof.report.text.units import NOTHING, change, for_reader, significant

TITLES = {"latency_p50": "Latency p50", "latency_p99": "Latency p99", "time_to_last_p50": "Time to last p50"}
"""The titles of the figures."""


@dataclass(frozen=True)
class FaultRow:
    """A row of the table: a figure without faulty clients, beside them, and the change."""

    title: str
    without: str
    beside: str
    change: str
    interval: str
    verdict: str


def fault_rows(record: FaultsRecord) -> tuple[FaultRow, ...]:
    """The figures of the healthy clients."""
    return tuple(_row(one, record) for one in record.figures)


def _row(figure: FaultFigure, record: FaultsRecord) -> FaultRow:
    has_interval = figure.low is not None and figure.high is not None
    return FaultRow(
        TITLES.get(figure.name, figure.name),
        for_reader(figure.without, figure.unit),
        for_reader(figure.beside, figure.unit),
        change(figure.ratio),
        f"×{significant(figure.low or 0)} to ×{significant(figure.high or 0)}" if has_interval else NOTHING,
        "cannot tell" if record.unsure or not has_interval else "worse" if figure.has_worsened else "within noise",
    )


def fault_sentences(record: FaultsRecord) -> tuple[str, ...]:
    """What the faulty clients were, what became of them, and what the server kept, a sentence each."""
    sentences = [
        f"Healthy clients in turn without and beside faulty ones ({record.faults}), {record.window_s:.3g} s each",
        "Faulty clients: " + "; ".join(_tally(one) for one in record.tallies),
    ]
    if record.resources is not None:
        states = (record.resources.before, record.resources.during, record.resources.after)
        memory = ", ".join(
            f"{when} {_memory(state)}" for when, state in zip(("before", "at most", "after"), states, strict=True)
        )
        fds = ", ".join(
            f"{when} {_fds(state)}" for when, state in zip(("before", "at most", "after"), states, strict=True)
        )
        sentences.append(
            f"Server memory: {memory}. Descriptors: {fds} ({record.resources.waited_s:.1f} s after the last left)"
        )
    if record.unsure:
        sentences.append(f"These figures prove nothing about the server: {record.unsure}")
    return tuple(f"{sentence}." for sentence in sentences)


def _tally(tally: FaultTally) -> str:
    sentence = f"{tally.connected:,} {tally.kind}"
    sentence += f", {tally.refused:,} more refused" if tally.refused else ""
    return sentence + (f", {tally.cut_off:,} cut off by the server" if tally.cut_off else "")


def _memory(state: ServerState) -> str:
    return for_reader(state.memory_bytes, "B")


def _fds(state: ServerState) -> str:
    return NOTHING if state.fds is None else f"{state.fds:,}"


def storm_sentences(record: StormRecord) -> tuple[str, ...]:
    """How clients came back after all were dropped at once, a sentence for each turn."""
    sentences = [_storm_turn(turn, record) for turn in record.turns]
    if record.unsure:
        sentences.append(f"This proves nothing about the server: {record.unsure}.")
    return tuple(sentences)


def _storm_turn(turn: StormTurn, record: StormRecord) -> str:
    how = f"with jitter, spread over {record.spread_s:g} s" if turn.is_spread else "without jitter"
    if turn.recovered_s is None:
        back = f"{turn.returned:,} were served again within {record.limit_s:g} s"
    else:
        back = f"all were served again after {turn.recovered_s:.2f} s (half of them after {turn.median_s or 0:.2f} s)"
    refused = "no attempt failed"
    if turn.refused:
        refused = f"{turn.refused:,} attempts failed, {turn.peak_refused:,} in the worst second ({turn.refusal})"
    return f"{turn.clients:,} clients dropped at once came back {how}: {back}; {refused}."

"""Judges what faulty clients did to healthy ones, what the server kept of them, and how clients reconnected."""

from __future__ import annotations

from wsproof.model.contract import Contract
from wsproof.model.fault_record import FaultFigure, FaultsRecord, StormRecord, StormTurn
from wsproof.model.finding import Anomaly, Finding, Level

BESIDE, KEPT, STORM = "served-beside-faults", "released-after-faults", "reconnect-storm"
"""The names of the checks."""
STARVED_TIMES, STARVED_NS = 3.0, 50_000_000
"""The ratio (the low end of its interval) and the increase, in ns, from which healthy clients count as starved."""
FEWEST_FDS, LEAST_SHARE = 8, 0.2
"""Descriptors that the server keeps, and their share of the faulty clients, that count. A pool may open a few."""


def judge_faults(record: FaultsRecord, contract: Contract) -> list[Finding]:
    """The findings about healthy clients beside faulty ones, and about what the server kept."""
    return [*_worsened(record, contract), *_kept_descriptors(record, contract)]


def _worsened(record: FaultsRecord, contract: Contract) -> list[Finding]:
    """The finding that healthy clients wait longer beside faulty ones.

    Every client costs the server some time, so only a large effect counts. A smaller one is reported as information.
    """
    worse = [one for one in record.figures if one.has_worsened]
    if record.unsure or not worse:
        return []
    main = next((one for one in worse if one.name != "latency_p99"), worse[0])
    is_starved = main.name != "latency_p99" and _is_starved(main)
    explanation = (
        f"While faulty clients were connected ({record.faults}), {_figure_words(main)}. The windows without and beside "
        f"them took turns, {main.pairs} pairs of {record.window_s:.2g} s."
    )
    if is_starved:
        explanation += (
            " So clients that do nothing wrong wait for those that do: give each client its own queue and task."
        )
    level = Level.NON_STRICT if is_starved else Level.INFORMATIONAL
    witness = tuple(_figure_words(one) for one in worse)
    return [Finding(BESIDE, contract.channel, Anomaly.STALLED_BY_OTHER_MEMBER, level, explanation, witness)]


def _is_starved(figure: FaultFigure) -> bool:
    if figure.low is None or figure.beside is None or figure.without is None:
        return False
    return figure.low >= STARVED_TIMES and figure.beside - figure.without >= STARVED_NS


def _figure_words(figure: FaultFigure) -> str:
    titles = {"latency_p50": "the median latency", "latency_p99": "the latency p99"}
    title = titles.get(figure.name, "the median time to the last subscriber")
    beside, without = ((value or 0) / 1e6 for value in (figure.beside, figure.without))
    return (
        f"{title} of the healthy ones was {beside:.3g} ms instead of {without:.3g} ms "
        f"(times {figure.ratio or 0:.3g}, 95 % interval {figure.low or 0:.3g} to {figure.high or 0:.3g})"
    )


def _kept_descriptors(record: FaultsRecord, contract: Contract) -> list[Finding]:
    """The finding that the server keeps descriptors of faulty clients whose connections have ended."""
    resources = record.resources
    if resources is None or resources.before.fds is None or resources.after.fds is None:
        return []
    kept = resources.after.fds - resources.before.fds
    clients = sum(one.connected + one.refused for one in record.tallies)
    if kept < FEWEST_FDS or kept < LEAST_SHARE * clients:
        return []
    explanation = (
        f"{clients} faulty clients connected and left ({record.faults}). {resources.waited_s:.0f} s after the last of "
        f"them had ended its TCP connection, the server has {kept} more open descriptors than before. It keeps "
        "connections whose clients have gone."
    )
    witness = (
        f"before: {resources.before.fds} open descriptors",
        f"during: up to {resources.during.fds}",
        f"{resources.waited_s:.0f} s after the last one had left: {resources.after.fds}",
    )
    return [Finding(KEPT, contract.channel, Anomaly.NOT_FREED, Level.NON_STRICT, explanation, witness)]


def judge_storm(record: StormRecord, contract: Contract) -> list[Finding]:
    """The finding that clients which were all dropped at once do not come back.

    It counts only if it happened in each turn of the same kind, and if the server did not refuse them in words.
    """
    if record.unsure:
        return []
    for is_spread in (True, False):
        turns = [turn for turn in record.turns if turn.is_spread is is_spread]
        if turns and all(turn.recovered_s is None for turn in turns):
            return [_not_back(turns, record, contract)]
    return []


def _not_back(turns: list[StormTurn], record: StormRecord, contract: Contract) -> Finding:
    worst = min(turns, key=lambda turn: turn.returned)
    how = f"spread over {record.spread_s:g} s" if worst.is_spread else "all at once"
    why = f" The most frequent answer was: {worst.refusal}." if worst.refusal else ""
    explanation = (
        f"All {worst.clients} clients were dropped at once and came back {how}, with a pause that doubles after each "
        f"failed attempt. {record.limit_s:g} s later only {worst.returned} of them are served again.{why}"
    )
    is_deliberate = worst.refusal.startswith("HTTP")
    level = Level.INFORMATIONAL if is_deliberate else Level.NON_STRICT
    witness = tuple(
        f"turn {number}: {turn.returned} of {turn.clients} are back, {turn.refused} attempts failed"
        for number, turn in enumerate(turns, 1)
    )
    return Finding(STORM, contract.channel, Anomaly.REFUSED, level, explanation, witness)

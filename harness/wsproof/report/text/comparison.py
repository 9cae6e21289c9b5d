"""The sentences of a comparison's report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wsproof.model.comparison import WINDOWS, Comparison, Judgement, MetricComparison
from wsproof.model.finding import Verdict
from wsproof.report.text.run import count, title_of
from wsproof.report.text.units import change, share

FEWEST = 8
"""Pairs or lives that a verdict needs."""
MOST_ORDER = 200
"""Characters of the order of blocks that are shown."""
JUDGED = {
    Judgement.SAME: "same",
    Judgement.BETTER: "better",
    Judgement.WORSE: "worse",
    Judgement.CANNOT_TELL: "cannot tell",
    Judgement.UNPAIRED: "unpaired",
}
"""The words for each verdict on a metric."""


def comparison_sentence(comparison: Comparison) -> str:
    """The result of the whole comparison in one sentence."""
    new = [finding for finding in comparison.findings if finding.verdict() is Verdict.INVALID]
    if new:
        return f"WORSE: the candidate breaks what the base keeps ({count(len(new), 'new violation')})."
    same = [row for row in comparison.metrics if row.verdict is comparison.verdict]
    rows = [row for row in same if row.primary] or same
    listed = ", ".join(_named(row) for row in rows[:4])
    unchanged = [title_of(row.metric) for row in comparison.metrics if row.primary and row.verdict is Judgement.SAME]
    rest = f" The same: {', '.join(unchanged)}." if unchanged else ""
    return {
        Judgement.WORSE: f"WORSE: {listed}.{rest}",
        Judgement.BETTER: f"BETTER: {listed}.{rest}",
        Judgement.SAME: f"SAME: {_largest_change(rows)}.",
        Judgement.CANNOT_TELL: (f"CANNOT TELL: {listed or _undecided(unchanged)}.{rest}"),
        Judgement.UNPAIRED: "UNPAIRED: the two runs were not measured in turn, so there is no verdict.",
    }[comparison.verdict]


def _undecided(unchanged: Sequence[str]) -> str:
    """Say why no metric is named: the warnings forbid a verdict, or there are too few figures."""
    return "the warnings say why" if unchanged else "the pairs show neither a difference nor equivalence"


def _named(row: MetricComparison) -> str:
    """A metric with its change and the interval."""
    if row.ratio is None:
        return title_of(row.metric)
    interval_text = interval(row)
    return f"{title_of(row.metric)} {change(row.ratio)}" + (f" ({interval_text})" if interval_text else "")


def _largest_change(rows: Sequence[MetricComparison]) -> str:
    """Say what *same* excludes, by floor: the metrics that share it, and the bound of their intervals."""
    parts = []
    for floor in sorted({row.floor for row in rows}):
        alike = [row for row in rows if row.floor == floor]
        ends = [end for row in alike for end in (row.ci_low, row.ci_high) if end]
        reached = f" (at most {share(max(max(end, 1 / end) for end in ends) - 1)})" if ends else ""
        parts.append(f"{', '.join(title_of(row.metric) for row in alike)} changed by less than {share(floor)}{reached}")
    return "; ".join(parts) or "no difference as large as the floor"


def extent_sentence(comparison: Comparison) -> str:
    """The extent of the comparison, and the way it was measured."""
    if comparison.design == WINDOWS:
        lives = "life" if comparison.pairs == 1 else "lives"
        cells = comparison.plan.get("cells", ())
        loads = f" Their loads alternate: {', '.join(cells)}." if cells else ""
        idle = comparison.idle_share
        cost = "" if idle is None else f" A connected server that was not loaded used {share(idle)} of a core."
        busy = comparison.loaded_share
        cost += "" if busy is None else f" A loaded one used {share(busy)} of a core (--rate changes that)."
        return (
            f"{comparison.pairs} {lives} of fresh servers (base, candidate, and the base again), loaded in turn while "
            f"all were alive, seed {comparison.seed}.{loads}{cost}"
        )
    pairs = count(comparison.pairs, "pair")
    return f"{pairs} of blocks in the order {comparison.order[:MOST_ORDER]}, seed {comparison.seed}."


def judgement_note(row: MetricComparison, comparison: Comparison) -> str:
    """The note on a metric's verdict.

    For an undecided metric it names the smallest change that could have been detected, and what to try.
    """
    if row.verdict is not Judgement.CANNOT_TELL:
        return row.note
    if row.ratio is None:
        return row.note or "not measured on both sides"
    repeats = "lives" if comparison.design == WINDOWS else "pairs"
    smallest = (
        f"the smallest change these {repeats} could have shown is {share(row.detectable)}" if row.detectable else ""
    )
    more = max(2 * comparison.pairs, FEWEST)
    advice = (
        f"try --lives {more} with a longer --budget, or a quieter machine"
        if comparison.design == WINDOWS
        else f"try --pairs {more}, a longer --duration, or a quieter machine"
    )
    return "; ".join(part for part in (row.note, smallest, advice) if part)


def judgement_notes(comparison: Comparison) -> list[str]:
    """The notes on all metrics. Metrics with the same verdict and note share a sentence."""
    shared: dict[str, list[str]] = {}
    for row in comparison.metrics:
        note = judgement_note(row, comparison)
        if note and (row.primary or row.verdict is not Judgement.CANNOT_TELL):
            shared.setdefault(f"{JUDGED[row.verdict]}; {note}", []).append(title_of(row.metric))
    return [f"{', '.join(names)}: {note}" for note, names in shared.items()]


def difference_sentences(comparison: Comparison) -> list[str]:
    """What differs between the builds besides their figures: files, packages, violations. Empty if not known."""
    differences = comparison.differences
    if not differences:
        return []
    sentences = []
    if "changed_files" in differences:
        sentences.append(f"{count(differences['changed_files'], 'changed file')}.")
        changed = len(differences.get("packages", {}))
        unknown = differences.get("packages_unknown")
        same = "Both run with the same packages."
        sentences.append(f"Packages: not known ({unknown})." if unknown else _packages(changed) if changed else same)
    new = sum(finding.verdict() is Verdict.INVALID for finding in comparison.findings)
    fixed, in_both = len(differences.get("fixed", ())), len(differences.get("both", ()))
    sentences.append(f"Kinds of violations under this load: {new} new, {fixed} fixed, {in_both} in both.")
    return sentences


def _packages(changed: int) -> str:
    return f"{count(changed, 'package')} in another version, or in one build only."


def interval(row: MetricComparison) -> str:
    """The 95 % interval of a ratio, as relative changes."""
    if row.ci_low is None or row.ci_high is None:
        return ""
    return f"{change(row.ci_low)} … {change(row.ci_high)}"


def side(facts: Mapping[str, Any]) -> str:
    """The name of one side of a comparison: ref and short commit."""
    ref = facts.get("ref") or facts.get("id") or facts.get("branch") or "?"
    sha = str(facts.get("sha") or "")[:9]
    changed = " + uncommitted changes" if facts.get("dirty") else ""
    return f"{ref} ({sha}){changed}" if sha and sha not in str(ref) else f"{ref}{changed}"

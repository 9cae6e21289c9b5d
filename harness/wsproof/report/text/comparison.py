"""The result of a comparison, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wsproof.model.comparison import Comparison, Judgement, MetricComparison
from wsproof.model.finding import Verdict
from wsproof.report.text.run import count, title_of
from wsproof.report.text.units import change, share

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
    new = [one for one in comparison.findings if one.verdict() is Verdict.INVALID]
    if new:
        return f"WORSE: the candidate breaks what the base keeps ({count(len(new), 'new violation')})."
    same = [row for row in comparison.metrics if row.verdict is comparison.verdict]
    rows = [row for row in same if row.primary] or same
    named = [f"{title_of(row.metric)} {change(row.ratio) if row.ratio is not None else ''}".strip() for row in rows]
    listed = ", ".join(named[:4])
    return {
        Judgement.WORSE: f"WORSE: {listed}.",
        Judgement.BETTER: f"BETTER: {listed}.",
        Judgement.SAME: "SAME: no difference as large as the floor.",
        Judgement.CANNOT_TELL: f"CANNOT TELL: {listed or 'these pairs show neither a difference nor its absence'}.",
        Judgement.UNPAIRED: "UNPAIRED: two runs side by side. They were not measured in turn, so this judges nothing.",
    }[comparison.verdict]


def judgement_note(row: MetricComparison, pairs: int) -> str:
    """The note on a metric's verdict.

    For an undecided metric it names the smallest change that could have been detected, and what to try.
    """
    if row.verdict is not Judgement.CANNOT_TELL:
        return row.note
    if row.ratio is None:
        return row.note or "not measured on both sides"
    seen = f"the smallest change these pairs could have shown is {share(row.detectable)}" if row.detectable else ""
    advice = f"try --pairs {max(2 * pairs, 8)}, a longer --duration, or a quieter machine"
    return "; ".join(part for part in (row.note, seen, advice) if part)


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

"""Findings that a restart of the server may explain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from wsproof.checks.delivery import GOOD_REASONS
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import Departure, Member


def undecided_after_restart(findings: Iterable[Finding], members: Sequence[Member]) -> list[Finding]:
    """The findings. Harm by a stalled member is undecided if the server announced that it goes away.

    Members that are cut off, or receive nothing any more, look the same in both cases.
    """
    codes = [item.close_code for item in members if item.is_well_behaved and item.departure is Departure.DROPPED]
    announced = next((code for code in codes if code in GOOD_REASONS), None)
    return [
        _undecided(item, announced) if announced and item.anomaly is Anomaly.STALLED_BY_OTHER_MEMBER else item
        for item in findings
    ]


def _undecided(finding: Finding, code: int) -> Finding:
    explanation = (
        f"{finding.explanation} But the server also ended connections with close code {code} ({GOOD_REASONS[code]}): "
        "perhaps that is the cause."
    )
    return replace(finding, anomaly=Anomaly.UNKNOWN, level=Level.INFORMATIONAL, explanation=explanation)

"""Findings that a restart of the server may explain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from wsproof.checks.delivery import GOOD_REASONS
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import Departure, Member


def undecided_after_restart(findings: Iterable[Finding], members: Sequence[Member]) -> list[Finding]:
    """The findings. That a stalled member harmed others is undecided if the server announced that it goes away.

    Members that are cut off, or receive nothing any more, look the same in both cases.
    """
    codes = [one.close_code for one in members if one.is_well_behaved and one.departure is Departure.DROPPED]
    announced = next((code for code in codes if code in GOOD_REASONS), None)
    return [
        _undecided(one, announced) if announced and one.anomaly is Anomaly.STALLED_BY_OTHER_MEMBER else one
        for one in findings
    ]


def _undecided(finding: Finding, code: int) -> Finding:
    told = (
        f"{finding.explanation} But the server also ended connections with close code {code} ({GOOD_REASONS[code]}): "
        "perhaps that is the cause."
    )
    return replace(finding, anomaly=Anomaly.UNKNOWN, level=Level.INFORMATIONAL, explanation=told)

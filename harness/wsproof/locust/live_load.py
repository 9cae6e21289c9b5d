"""The live figures of a test: the seconds and violations of all workloads and processes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from wsproof.locust.live_meter import MOST_KEPT
from wsproof.model.finding import Finding
from wsproof.model.load_second import LoadSecond
from wsproof.stats.running import RunningLoad

SILENT_S = 5
"""Seconds without a report after which a process counts as ended. A Locust worker reports every three seconds."""


@dataclass
class LiveLoad:
    """The reports of all processes so far. A process is named by its Locust client id; "" is this one."""

    began_s: float = 0.0
    """The Unix time at which the test began."""
    _seconds: dict[str, dict[int, LoadSecond]] = field(default_factory=dict)
    _newest: dict[str, dict[str, int]] = field(default_factory=dict)
    """The newest second of each process, by workload."""
    _whole: dict[str, RunningLoad] = field(default_factory=dict)
    _findings: dict[str, dict[str, list[Finding]]] = field(default_factory=dict)

    @property
    def workloads(self) -> tuple[str, ...]:
        """The names of the workloads, in the order of their first second."""
        return tuple(self._seconds)

    def take(self, process: str, workload: str, seconds: Sequence[LoadSecond], findings: Sequence[Finding]) -> None:
        """Take new seconds of a process, and all violations that it has found so far."""
        by_second = self._seconds.setdefault(workload, {})
        total = self._whole.setdefault(workload, RunningLoad())
        for second in seconds:
            total.add(second, process)
            self._newest.setdefault(workload, {})[process] = second.at_s
            by_second[second.at_s] = by_second[second.at_s] + second if second.at_s in by_second else second
        for oldest in list(by_second)[:-MOST_KEPT]:
            del by_second[oldest]
        self._findings.setdefault(workload, {})[process] = list(findings)

    def whole(self, workload: str) -> RunningLoad:
        """The figures of the measured window so far; of all seconds if it has not begun."""
        return self._whole.get(workload, RunningLoad())

    def seconds(self, workload: str) -> list[LoadSecond]:
        """The newest seconds of a workload that all processes have reported, the oldest first."""
        newest = self._newest.get(workload, {}).values()
        reporting_s = max(newest, default=0) - SILENT_S
        end_s = min((at_s for at_s in newest if at_s > reporting_s), default=0)
        return [second for at_s, second in sorted(self._seconds.get(workload, {}).items()) if at_s <= end_s]

    def findings(self, workload: str) -> list[Finding]:
        """The violations of a workload so far, one per check, of all processes together."""
        by_check: dict[str, Finding] = {}
        for findings in self._findings.get(workload, {}).values():
            for finding in findings:
                other = by_check.get(finding.check)
                by_check[finding.check] = (
                    finding if other is None else replace(other, occurrences=other.occurrences + finding.occurrences)
                )
        return list(by_check.values())


Reported = tuple[str, Sequence[LoadSecond], Sequence[Finding]]
"""A workload's name, its new seconds, and its violations so far."""


def to_text(reported: Sequence[Reported]) -> str:
    """Return a worker's report as JSON text. Locust's message format takes no integers above 64 bits as keys."""
    return json.dumps(
        [
            [name, [second.to_json() for second in seconds], [finding.to_json() for finding in findings]]
            for name, seconds, findings in reported
        ]
    )


def from_text(text: str) -> list[Reported]:
    """The inverse of `to_text`."""
    rows: list[tuple[str, list[Mapping[str, Any]], list[Mapping[str, Any]]]] = json.loads(text)
    return [
        (
            name,
            [LoadSecond.from_json(second) for second in seconds],
            [Finding.from_json(finding) for finding in findings],
        )
        for name, seconds, findings in rows
    ]

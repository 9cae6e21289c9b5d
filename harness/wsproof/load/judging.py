"""The one judgement of a measurement: findings, known deviations, metrics, objectives and trust.

Every front end that measures uses `judge_measurement`: bench, a mix, capacity, compare, the pytest fixture and Locust.
It stands below `comparison/` and `session/`, since both need it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from wsproof.checks import run_checks
from wsproof.deviations import KnownDeviations
from wsproof.model.finding import Finding, Level, Verdict, verdict_of
from wsproof.model.measurement import Measurement
from wsproof.model.server_end import ServerEnd, end_findings
from wsproof.model.summary import Summary, TrustWarning
from wsproof.net.redact import hide_in
from wsproof.stats.objective import Objective, ObjectiveResult
from wsproof.stats.trust import judged_summaries
from wsproof.stats.void_figures import Doubt

__all__ = ["JudgedMeasurement", "MeasuredServer", "UnknownServer", "judge_measurement"]


class MeasuredServer(Protocol):
    """The part of a server that `judge_measurement` needs. `target.server.RunningServer` satisfies it."""

    @property
    def known_deviations(self) -> KnownDeviations: ...

    @property
    def secrets(self) -> tuple[str, ...]: ...

    def ended(self) -> ServerEnd | None: ...

    def last_exception(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class UnknownServer:
    """A server of which nothing but its endpoint is known: another process started it."""

    known_deviations: KnownDeviations = field(default_factory=KnownDeviations)
    secrets: tuple[str, ...] = ()

    def ended(self) -> ServerEnd | None:
        """None: its process is not visible here."""
        return None

    def last_exception(self) -> tuple[str, ...]:
        """Empty: its output cannot be read here."""
        return ()


@dataclass(frozen=True)
class JudgedMeasurement:
    """A measurement with its findings, its metrics and its trust warnings.

    A measurement that ended early is not `whole`. It is not checked, and its verdict is unknown.
    """

    measurement: Measurement
    metrics: Mapping[str, Summary]
    findings: tuple[Finding, ...]
    warnings: tuple[TrustWarning, ...]
    whole: bool = True

    @property
    def void_codes(self) -> tuple[str, ...]:
        """The codes of the trust warnings that make figures void. Empty: every figure is valid."""
        return tuple(warning.code for warning in self.warnings if warning.invalidates)

    @property
    def trusted(self) -> bool:
        """Whether the measurement is whole and all its figures are valid."""
        return self.whole and not self.void_codes

    def verdict(self, *, strict: bool = False) -> Verdict:
        """The verdict of the findings; unknown if the measurement ended early."""
        return verdict_of(self.findings, strict=strict) if self.whole else Verdict.UNKNOWN

    def evaluate(self, objectives: Iterable[Objective]) -> tuple[ObjectiveResult, ...]:
        """The outcome of each objective."""
        return tuple(objective.evaluate(self.metrics, self.findings) for objective in objectives)


def judge_measurement(
    measurement: Measurement, server: MeasuredServer, *, whole: bool = True, doubts: Sequence[Doubt] = ()
) -> JudgedMeasurement:
    """Check the measured history against its contract, and compute the metrics with their trust warnings.

    A server process that ended is a finding. Each violation carries the last exception that the server printed. Known
    deviations are marked, and secrets are hidden. A measurement that ended early (not `whole`) is not checked. `doubts`
    are further reasons of the caller to distrust figures, beside the rules of `stats.trust`.
    """
    metrics, warnings = judged_summaries(measurement, doubts)
    return JudgedMeasurement(measurement, metrics, _findings(measurement, server) if whole else (), warnings, whole)


def _findings(measurement: Measurement, server: MeasuredServer) -> tuple[Finding, ...]:
    end, output = server.ended(), server.last_exception()
    violations = [_with_output(finding, output) for finding in run_checks(measurement.history, measurement.contract)]
    findings = [*end_findings((end,) if end is not None else ()), *violations]
    return server.known_deviations.mark(hide_in(finding, server.secrets) for finding in findings)


def _with_output(finding: Finding, output: tuple[str, ...]) -> Finding:
    return replace(finding, server_output=output) if finding.level is Level.VIOLATION else finding

"""The findings of a measurement, with known deviations marked."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from wsproof.checks import run_checks
from wsproof.deviations import KnownDeviations
from wsproof.model.finding import Finding, Level
from wsproof.model.measurement import Measurement
from wsproof.model.server_end import ServerEnd, end_findings
from wsproof.net.redact import hide_in

__all__ = ["MeasuredServer", "judge_measurement"]


class MeasuredServer(Protocol):
    """The part of a server that `judge_measurement` needs. `target.server.RunningServer` satisfies it."""

    @property
    def known_deviations(self) -> KnownDeviations: ...

    @property
    def secrets(self) -> tuple[str, ...]: ...

    def ended(self) -> ServerEnd | None: ...

    def last_exception(self) -> tuple[str, ...]: ...


def judge_measurement(measurement: Measurement, server: MeasuredServer) -> tuple[Finding, ...]:
    """Check the measured history against its contract, and report whether and how the server process ended.

    Each violation carries the last exception that the server printed. Known deviations are marked, and secrets are
    hidden.
    """
    end, words = server.ended(), server.last_exception()
    broken = [_with_words(finding, words) for finding in run_checks(measurement.history, measurement.contract)]
    found = [*end_findings((end,) if end is not None else ()), *broken]
    return server.known_deviations.mark(hide_in(finding, server.secrets) for finding in found)


def _with_words(finding: Finding, words: tuple[str, ...]) -> Finding:
    return replace(finding, server_output=words) if finding.level is Level.VIOLATION else finding

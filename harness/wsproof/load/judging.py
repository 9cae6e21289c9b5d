"""What a measurement shows of a server: its findings, judged against what is known of it."""

from __future__ import annotations

from wsproof.checks import run_checks
from wsproof.deviations import KnownDeviations
from wsproof.model.finding import Finding
from wsproof.model.measurement import Measurement
from wsproof.net.redact import hide_in

__all__ = ["judge_measurement"]


def judge_measurement(
    measurement: Measurement, known: KnownDeviations, secrets: tuple[str, ...] = ()
) -> tuple[Finding, ...]:
    """Hold its history against its contract. Known deviations are marked, and secrets hidden."""
    found = run_checks(measurement.history, measurement.contract)
    return known.mark(hide_in(finding, secrets) for finding in found)

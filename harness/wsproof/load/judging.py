"""What a measurement shows of a server: its findings, judged against what is known of it."""

from __future__ import annotations

from typing import Protocol

from wsproof.checks import run_checks
from wsproof.deviations import KnownDeviations
from wsproof.model.finding import Finding
from wsproof.model.measurement import Measurement
from wsproof.model.server_end import ServerEnd, end_findings
from wsproof.net.redact import hide_in

__all__ = ["MeasuredServer", "judge_measurement"]


class MeasuredServer(Protocol):
    """What judging needs of a server; `net.running.RunningServer` is one."""

    @property
    def known_deviations(self) -> KnownDeviations: ...

    @property
    def secrets(self) -> tuple[str, ...]: ...

    def ended(self) -> ServerEnd | None: ...


def judge_measurement(measurement: Measurement, server: MeasuredServer) -> tuple[Finding, ...]:
    """Hold its history against its contract, and tell how the server's process ended, if it did.

    Known deviations are marked, and secrets hidden.
    """
    end = server.ended()
    found = [*end_findings((end,) if end is not None else ()), *run_checks(measurement.history, measurement.contract)]
    return server.known_deviations.mark(hide_in(finding, server.secrets) for finding in found)

"""A check of a channel that is no set of schedules: it does its own work, and returns what it found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wsproof.delivery.runner import ScheduleRunner
from wsproof.model.contract import Contract
from wsproof.model.finding import Finding
from wsproof.model.suite import Figure, SuiteOptions
from wsproof.net.endpoint import Endpoint
from wsproof.workloads import Workload


@dataclass(frozen=True)
class ProbeOutcome:
    """What a channel probe found and measured.

    `examples` counts what was tried. `unknown` says why nothing is known, and `remark` is a note on a known result.
    """

    findings: tuple[Finding, ...] = ()
    examples: int = 1
    measured: tuple[Figure, ...] = ()
    remark: str = ""
    unknown: str = ""


@dataclass(frozen=True)
class ChannelProbe:
    """A promise of a channel, and the function that tests it.

    `at_end`: it runs after all other checks of all channels. `alone`: no standing member is connected meanwhile.
    """

    name: str
    promise: str
    applies: Callable[[Contract], bool]
    run: Callable[[ScheduleRunner, SuiteOptions], ProbeOutcome]
    at_end: bool = False
    alone: bool = True

    def applies_to(self, workload: Workload, endpoint: Endpoint | None = None) -> bool:
        """Whether the probe can be made on the channel of this workload at this endpoint."""
        return self.applies(workload.contract)

    @property
    def beside(self) -> tuple[str, ...]:
        """The checks that belong to another promise: none."""
        return ()

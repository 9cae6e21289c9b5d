"""The type of a channel probe: a check that does its own work instead of running schedules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wsproof.delivery.runner import ScheduleRunner
from wsproof.delivery.standing_presence import StandingPresence
from wsproof.model.contract import Contract
from wsproof.model.finding import Finding
from wsproof.model.suite import Figure, SuiteOptions
from wsproof.net.endpoint import Endpoint
from wsproof.workloads import Workload


@dataclass(frozen=True)
class ProbeOutcome:
    """The findings and measurements of a channel probe.

    `examples` is the number of attempts. `unknown` says why nothing is known; `remark` is a note on a known result.
    """

    findings: tuple[Finding, ...] = ()
    examples: int = 1
    measured: tuple[Figure, ...] = ()
    remark: str = ""
    unknown: str = ""


@dataclass(frozen=True)
class ChannelProbe:
    """A promise of a channel, and the function that tests it.

    `at_end`: it runs after all other checks of all channels.
    """

    name: str
    promise: str
    applies: Callable[[Contract], bool]
    run: Callable[[ScheduleRunner, SuiteOptions], ProbeOutcome]
    at_end: bool = False
    owned_only: bool = False
    """Whether it ends the server, which we must have started. It then runs last, and on one channel only."""
    needs_command: bool = False
    """Whether it runs only if the user gives a command that disturbs the server."""
    standing: StandingPresence = StandingPresence.CONNECTED
    """How standing members of the channel take part."""
    needs: Callable[[Workload], bool] = lambda workload: True
    """A further requirement on the workload."""

    def applies_to(self, workload: Workload, endpoint: Endpoint | None = None) -> bool:
        """Whether the probe can be made on the channel of this workload at this endpoint."""
        return self.applies(workload.contract) and self.needs(workload)

    @property
    def turn(self) -> int:
        """The place in the order of execution: 0 with the properties, 1 at the end, 2 after all checks that need the
        server.
        """
        return 2 if self.owned_only else int(self.at_end)

    def is_due(self, *, owned: bool, command: str, before: Sequence[object]) -> bool:
        """Whether it runs on a server that is `owned` or not, with the user's command, after these other checks."""
        if self.owned_only and (not owned or self in before):
            return False
        return bool(command) or not self.needs_command

    @property
    def beside(self) -> tuple[str, ...]:
        """The checks that belong to another promise: none. Properties may have some."""
        return ()

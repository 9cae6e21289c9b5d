"""A server and the schedules performed on it. Names are never used twice, and a broken server not either."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from wsproof.channels.crowd import Setting
from wsproof.channels.perform import Performance, perform
from wsproof.channels.schedule import Schedule
from wsproof.checks import run_checks
from wsproof.checks.feed import silence_ns
from wsproof.checks.story import shortened
from wsproof.errors import TargetError
from wsproof.model.finding import Anomaly, Finding, Level, Verdict
from wsproof.net.budget import Budget
from wsproof.net.running import RunningServer
from wsproof.net.share import draw_share
from wsproof.workloads import Workload


@dataclass(frozen=True)
class Seen:
    """What one performance showed."""

    findings: list[Finding]
    performance: Performance


@dataclass
class Stage:
    """One channel of a running server, and what is known of it by now."""

    server: RunningServer
    workload: Workload
    seed: int
    budget: Budget = field(default_factory=lambda: Budget(None))
    """What is left of the run: nothing is begun without it, and nothing is concluded from what it cut off."""
    broken: bool = False
    first: int = field(init=False)
    """The number of the next member. On a server that is not ours alone, somewhere among two thousand million."""
    known: set[Anomaly] = field(default_factory=set)
    """Violations of the channel so far. They are judged again, and not waited for as patiently."""
    told: dict[tuple[str, Anomaly], Finding] = field(default_factory=dict)
    """What has been told, by the check that found it and its anomaly: later properties that see it add to this."""
    also: dict[tuple[str, Anomaly], list[str]] = field(default_factory=dict)
    speaks: bool | None = None
    """Whether anything the server ever said was understood; None before the first schedule."""

    def __post_init__(self) -> None:
        self.first = self._first_number()

    def _first_number(self) -> int:
        return draw_share(alone=self.server.owned).first

    @property
    def usable(self) -> bool:
        """Whether another schedule can be performed: a server of ours can be replaced, a URL cannot."""
        return not self.broken or self.server.owned

    def judge(self, schedule: Schedule, deadline_s: float) -> Seen:
        """Perform a schedule and hold what happened against the contract.

        Raises:
            TargetError: the server is not there.
            BudgetSpent: the run is over.
        """
        self.budget.check()
        if self.broken:
            self.server.restart()
            self.broken, self.first = False, self._first_number()
        setting = Setting(
            self.server.endpoint,
            self.workload,
            self.first,
            deadline_s,
            self.seed,
            alone=self.server.owned,
            known=frozenset(self.known),
            budget=self.budget,
        )
        try:
            performance = perform(schedule, setting)
        except TargetError:
            self.budget.check()  # it was given too little time to answer: that says nothing
            self.broken = True
            raise
        self.first = performance.next_first
        findings = run_checks(performance.history, self.workload.contract)
        if self.speaks is None:
            self.speaks = performance.understood
        self.broken = not performance.well or any(self._does_harm(finding) for finding in findings)
        self.known |= {finding.anomaly for finding in findings if finding.level is Level.VIOLATION}
        return Seen(findings, performance)

    def _does_harm(self, finding: Finding) -> bool:
        """Whether the server may be in disorder now. One that never tells who leaves is none the worse for it."""
        never_tells = finding.anomaly is Anomaly.MISSING_LEAVE and Anomaly.MISSING_LEAVE in self.known
        return finding.verdict() is not Verdict.VALID and not never_tells

    def other_language(self, performance: Performance, deadline_s: float) -> Finding:
        """That the server, at this path, speaks in another way than this workload, as far as can be seen."""
        spoken = bool(performance.history.strange)
        path, name = self.workload.path(0), self.workload.name
        if performance.first_said is not None:
            said = performance.first_said
            sent = f"sent {shortened(said if isinstance(said, str) else repr(said))}"
        else:
            sent = "listened" if not self.workload.publishes else "said nothing"
        feed = self.workload.contract.feed
        patience_s = silence_ns(feed) / 1e9 if feed is not None else deadline_s / 2
        within = f" within {patience_s:g} s" if performance.came == "nothing" else ""
        told = (
            f"{path} does not speak the format of the channel {name!r}: a member {sent}, and what came{within} was "
            f"{performance.came}. Nothing that came there could be understood, so nothing else of this channel was "
            "tried. If something else lives there, say what with --channels."
        )
        return Finding(
            "format",
            name,
            Anomaly.PHANTOM if spoken else Anomaly.UNKNOWN,
            Level.VIOLATION if spoken else Level.INFORMATIONAL,
            told,
        )

    def tell_again(self, key: tuple[str, Anomaly], check: str) -> None:
        """Another property has met what is told already."""
        self.also.setdefault(key, []).append(check)

    def with_echoes(self, finding: Finding) -> Finding:
        """The finding, with the other properties that met the same."""
        for key, told in self.told.items():
            others = self.also.get(key)
            if told is finding and others:
                more = f"The same was seen while {', '.join(others)} {'was' if len(others) == 1 else 'were'} tested."
                return replace(
                    finding,
                    explanation=f"{finding.explanation} {more}",
                    occurrences=finding.occurrences + len(others),
                )
        return finding

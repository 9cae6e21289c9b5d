"""Runs schedules on one channel of a server and checks the histories.

Never reuses a member name, and replaces a server after a violation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from wsproof.checks import run_checks
from wsproof.checks.describe import shortened
from wsproof.checks.feed import silence_ns
from wsproof.checks.volume import under_load
from wsproof.delivery.altered_workload import with_longest
from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.credentials import secrets_in_output
from wsproof.delivery.enforced_rate import EnforcedRate, RefusedRate, is_slow_enough, refused_rate
from wsproof.delivery.execute import ScheduleExecution, execute
from wsproof.delivery.listening_control import ListeningControl, listen
from wsproof.delivery.pool_settings import PoolSettings
from wsproof.delivery.schedule import Action, Schedule, Step, fitted, shortened_texts
from wsproof.delivery.server_exception import with_exception
from wsproof.delivery.size_limit import (
    SHORTEST_BYTES,
    SizeLimit,
    answered_limit,
    declares_longest,
    longest_text_bytes,
    refused_bytes,
)
from wsproof.delivery.standing import StandingAudience
from wsproof.delivery.stopped_working import is_silent, may_be_a_ban, stays_silent, stopped_working
from wsproof.delivery.versions import CANNOT_BE_KNOWN
from wsproof.delivery.volume import has_volume
from wsproof.errors import TargetError
from wsproof.model.contract import RateLimit
from wsproof.model.finding import Anomaly, Finding, Level, Verdict
from wsproof.model.history import Departure, History
from wsproof.model.member_ids import draw_share
from wsproof.net.budget import Budget, BudgetSpent
from wsproof.net.clock import now_ns
from wsproof.net.handshake_retries import HandshakeRetries
from wsproof.target.last_exception import last_exception
from wsproof.target.output_tail import OutputWatch
from wsproof.target.server import RunningServer
from wsproof.wire.refusal import advice_on_refusal
from wsproof.workloads import Workload

EXPLAINED_BY_SPLIT = ("split-audience", "lost", "nothing-received", "stalled-by-other-member", "subscription-ended")
"""The checks that fail by chance if the workers of a server do not share publications."""

LIVELY_S = 2.0
"""Timeout in seconds of a fresh client of a server that may have stopped working."""


@dataclass(frozen=True)
class ScheduleResult:
    """The findings of one schedule, and its execution."""

    findings: list[Finding]
    execution: ScheduleExecution


@dataclass(frozen=True)
class ReportedFinding:
    """A reported finding: the check, its anomaly, the events of its schedule, and the finding itself."""

    check: str
    anomaly: Anomaly
    events: frozenset[str]
    finding: Finding


@dataclass
class ScheduleRunner:
    """One channel of a running server, and what earlier schedules showed about it."""

    server: RunningServer
    workload: Workload
    seed: int
    budget: Budget = field(default_factory=lambda: Budget(None))
    """Time left in the run. Without it no schedule starts; a schedule that it cuts off proves nothing."""
    broken: bool = False
    first: int = field(init=False)
    """Number of the next member. On a shared server it starts at a random number below two thousand million."""
    known: set[Anomaly] = field(default_factory=set)
    """Anomalies of the channel's violations so far. They are checked again, with a shorter timeout."""
    reported: list[ReportedFinding] = field(default_factory=list)
    """Reported findings. A later property that finds the same adds to them."""
    repeats: dict[int, list[str]] = field(default_factory=dict)
    """The properties that found the same again, by the `id` of the reported finding."""
    gone: bool = False
    """Whether a server that we cannot replace no longer answers a fresh client on this channel."""
    before: Schedule = ()
    """The schedule that ran last on this channel."""
    audience: StandingAudience | None = None
    """Members of all channels that only listen; None without them."""
    cut_after: dict[str, int] = field(default_factory=dict)
    """The properties whose share of the budget ended before all their schedules had run, and the number that had."""
    awaited_ways: set[Step] = field(default_factory=set)
    """The ways to leave whose notices have been awaited for longer than a schedule waits."""
    leave_delay_s: float | None = None
    """The time, in seconds, after which the server tells of a departure, if that is longer than a schedule waits."""
    speaks: bool | None = None
    """Whether the workload understood any message of the server; None before the first schedule."""

    size_limit: SizeLimit | None = None
    """The limit on the size of messages that the server has enforced, until it is reported."""
    rate_limit: EnforcedRate | None = None
    """The limit on the rate of publications that the server has enforced, until it is reported."""
    pace: RateLimit | None = None
    """The rate of all further publications, if the server refuses a faster one."""
    retries: HandshakeRetries = field(default_factory=HandshakeRetries)
    """The retries of handshakes that a full server refuses."""
    is_limited: bool = False
    """Whether the workload sends shorter texts than it names, because the server refused longer ones."""
    _delivered_or_lost: set[int] = field(default_factory=set)
    """The sizes of texts for which it is known that the server does not answer them as too long."""
    _listening: ListeningControl | None = None

    def __post_init__(self) -> None:
        self.first = self._first_number()

    def _first_number(self) -> int:
        """The first member number: random on a server that other clients use as well."""
        return draw_share(alone=self.server.owned).first

    @property
    def usable(self) -> bool:
        """Whether another schedule can run. A server that we started can be replaced, a URL cannot."""
        return not self.broken or self.server.owned

    def run_and_check(self, schedule: Schedule, deadline_s: float, *, waits_in_full: bool = False) -> ScheduleResult:
        """Execute a schedule and check its history against the contract.

        `waits_in_full` waits for the whole deadline, even on a channel that is known to lose messages. If the server
        refuses a text as too long, and the workload does not name its longest one, the schedule is executed again with
        shorter texts. If the server openly refuses the rate of publications, it is executed again at a slower one.

        Raises:
            TargetError: the server does not answer.
            BudgetSpent: the run's time is over.
        """
        anomalies = set(self.known)
        if self.is_limited:
            schedule = shortened_texts(schedule, self.workload)
        result = self._run_once(schedule, deadline_s, waits_in_full=waits_in_full)
        while (limit := self._enforced_limit(schedule, result)) is not None:
            self.size_limit, self.is_limited = limit, True
            self.workload = with_longest(self.workload, limit.accepted_bytes)
            self.known, self.broken = set(anomalies), False
            schedule = shortened_texts(schedule, self.workload)
            result = self._run_once(schedule, deadline_s, waits_in_full=waits_in_full)
        refused = refused_rate(result.findings, result.execution.history) if self._may_slow_down else None
        if refused is None:
            return result
        return self._slower(
            refused, anomalies, lambda: self._run_once(schedule, deadline_s, waits_in_full=waits_in_full), result
        )

    @property
    def _may_slow_down(self) -> bool:
        """Whether no limit on the rate is known yet, neither by the contract nor by an earlier schedule."""
        return self.workload.contract.rate_limit is None and self.pace is None

    def _slower(
        self, refused: RefusedRate, known: set[Anomaly], run: Callable[[], ScheduleResult], result: ScheduleResult
    ) -> ScheduleResult:
        """The result of a slower run, if the server refused only the rate of publications. Else `result`.

        `known` are the anomalies before that result.
        """
        after, is_broken = set(self.known), self.broken
        for self.pace in refused.paces:
            self.known, self.broken = set(known), False
            slower = run()
            if is_slow_enough(refused, slower.findings, slower.execution.history):
                self.rate_limit = EnforcedRate(refused, self.pace)
                return slower
        self.pace, self.known, self.broken = None, after, is_broken or self.broken
        return result

    def _enforced_limit(self, schedule: Schedule, result: ScheduleResult) -> SizeLimit | None:
        """A limit on the size of messages that explains this result; None without one, or if the workload names it."""
        if declares_longest(self.workload):
            return None
        refused = refused_bytes(schedule, result.execution)
        if refused:
            return SizeLimit(max(refused // 2, SHORTEST_BYTES), refused)
        longest = longest_text_bytes(schedule)
        is_lost = any(finding.check == "lost" and finding.level is Level.VIOLATION for finding in result.findings)
        if not is_lost or longest <= SHORTEST_BYTES or longest in self._delivered_or_lost:
            return None
        self._delivered_or_lost.add(longest)
        return answered_limit(longest, self._publish_one)

    def _publish_one(self, size_bytes: int) -> History:
        """Publish one text of this size, and return what two members received."""
        steps = (Step(Action.JOIN, 0), Step(Action.JOIN, 1), Step(Action.SAY, 0, size_bytes=size_bytes))
        return self._execute(fitted(steps, self.workload), LIVELY_S, frozenset()).history

    def _run_once(self, schedule: Schedule, deadline_s: float, *, waits_in_full: bool) -> ScheduleResult:
        self.budget.check()
        if self.broken:
            self._dismiss_audience(now_ns())
            self.server.restart()
            self.broken, self.first = False, self._first_number()
        began_ns = now_ns()
        watch = OutputWatch(self.server.output) if self.server.output is not None else None
        known = frozenset[Anomaly]() if waits_in_full else frozenset(self.known)
        execution = self._execute(schedule, deadline_s, known)
        is_loaded = has_volume(schedule)
        is_beside = self.audience is not None and self.audience.is_here and not is_loaded
        if is_beside and _crowded_out(execution.history):
            execution = self._without_audience(schedule, deadline_s, known, began_ns)
        findings = run_checks(execution.history, self.workload.contract)
        if self.leave_delay_s is not None:
            findings = [finding for finding in findings if finding.anomaly is not Anomaly.MISSING_LEAVE]
        if is_loaded:
            findings = under_load(execution.history, self.workload.contract, findings)
        if self.speaks and is_silent(findings) and self._has_stopped(execution, schedule, deadline_s):
            findings = [stopped_working(self.workload.name, execution, self.before)]
        self.before = schedule
        findings = self._explained(findings, execution, deadline_s)
        if execution.credentials and watch is not None:
            findings += secrets_in_output(watch, execution.credentials, self.workload.name)
        if findings and watch is not None:
            output = last_exception(watch.lines())
            findings = [with_exception(finding, output) for finding in findings]
        if self.speaks is None:
            self.speaks = execution.understood
        self.broken = not execution.well or any(self._does_harm(finding) for finding in findings)
        if self.broken:
            self._dismiss_audience(began_ns)
        self.known |= {finding.anomaly for finding in findings if finding.level is Level.VIOLATION}
        return ScheduleResult(findings, execution)

    def _has_stopped(self, execution: ScheduleExecution, schedule: Schedule, deadline_s: float) -> bool:
        """Whether the server no longer serves anybody on this channel, while a fresh server does.

        A server that we cannot replace may refuse our clients on purpose, so there the result is False.
        """
        if not self.server.owned or not self.server.is_alive() or may_be_a_ban(execution):
            return False
        if not stays_silent(lambda: self.still_serves(min(deadline_s, LIVELY_S)), self.budget):
            return False
        self._dismiss_audience(now_ns())
        self.server.restart()
        self.first = self._first_number()
        return self.still_serves(deadline_s)

    def _explained(self, findings: list[Finding], execution: ScheduleExecution, deadline_s: float) -> list[Finding]:
        """The findings. A disconnection by a rule of the server is no violation: see `ListeningControl`."""
        if execution.has_versions:
            findings = [self._of_versions(finding) for finding in findings]
        if self.workload.keeps_alive:
            return findings
        if self._listening is None:
            self._listening = ListeningControl(lambda listen_s: self._listen(listen_s, deadline_s))
        try:
            return self._listening.explained(findings, execution)
        except BudgetSpent:
            return findings  # unchanged: there was no time for the control run

    def _of_versions(self, finding: Finding) -> Finding:
        """A finding on a channel whose messages carry a version, with a note on what cannot be known."""
        explanation = f"{finding.explanation} {CANNOT_BE_KNOWN}"
        if self.server.owned or not finding.level.counts:
            return replace(finding, explanation=explanation)
        explanation += " Other clients of this server may have changed the state as well, so this proves nothing."
        return replace(finding, explanation=explanation, anomaly=Anomaly.UNKNOWN, level=Level.INFORMATIONAL)

    def _listen(self, listen_s: float, deadline_s: float) -> float | None:
        if self.server.owned:
            self._dismiss_audience(now_ns())
            self.server.restart()
            self.first = self._first_number()
        setting = self.pool_settings(deadline_s, frozenset())
        self.first += 1
        return listen(setting, listen_s)

    def pool_settings(self, deadline_s: float, known: frozenset[Anomaly] = frozenset()) -> PoolSettings:
        """The settings of a pool whose members have names that no earlier member had."""
        return PoolSettings(
            self.server.endpoint.within(self.budget),
            self.workload,
            self.first,
            deadline_s,
            self.seed,
            alone=self.server.owned,
            known=known,
            budget=self.budget,
            retries=self.retries,
            pace=self.pace,
        )

    @contextmanager
    def pool(self, deadline_s: float) -> Iterator[ClientPool]:
        """Yield a pool for a probe, and disconnect its members at the end."""
        pool = ClientPool(self.pool_settings(deadline_s))
        try:
            yield pool
        finally:
            pool.disconnect_all()
            self.first = pool.next_first

    def _execute(self, schedule: Schedule, deadline_s: float, known: frozenset[Anomaly]) -> ScheduleExecution:
        try:
            execution = execute(schedule, self.pool_settings(deadline_s, known))
        except TargetError:
            self.budget.check()  # if the budget left too little time to answer, nothing is known
            self.broken = True
            raise
        if self.audience is not None:
            self.audience.note(self.workload, execution, self.first)
        self.first = execution.next_first
        return execution

    def gather(self) -> None:
        """Let the standing members of this channel join, unless they are connected already."""
        if self.audience is not None:
            self.first = self.audience.gather(self.server.endpoint.within(self.budget), self.workload, self.first)

    def _dismiss_audience(self, began_ns: int) -> None:
        """Let the standing members leave. Their observations from `began_ns` on are effects of the schedule."""
        if self.audience is not None:
            self.audience.leave(until_ns=began_ns)

    def _without_audience(
        self, schedule: Schedule, deadline_s: float, known: frozenset[Anomaly], began_ns: int
    ) -> ScheduleExecution:
        """Execute a schedule again without standing members, which may have taken the place of its members."""
        assert self.audience is not None
        self.audience.leave(until_ns=began_ns)
        execution = self._execute(schedule, deadline_s, known)
        if not _crowded_out(execution.history):
            self.audience.withdraw(
                "not checked: the server has no room for members that only listen beside those of the schedules"
            )
        return execution

    def still_serves(self, deadline_s: float) -> bool:
        """Whether the server accepts fresh clients and sends them something.

        On a channel that was never tested the path may not exist. There a living server is enough.

        Raises:
            BudgetSpent: the run's time is over.
        """
        if not self.server.is_alive():
            return False
        if self.speaks is None:
            return True
        second = Step(Action.WATCH, count=1) if self.workload.contract.feed is not None else Step(Action.JOIN, 1)
        try:
            execution = self._execute(fitted((Step(Action.JOIN, 0), second), self.workload), deadline_s, frozenset())
        except TargetError:
            return False
        return any(member.in_ns for member in execution.history.members)

    def _does_harm(self, finding: Finding) -> bool:
        """Whether the server may be damaged after this finding.

        Two kinds are harmless. A server that never sends leave notices works as before. Protocol violations do not
        affect the other checks.
        """
        never_tells = finding.anomaly is Anomaly.MISSING_LEAVE and Anomaly.MISSING_LEAVE in self.known
        harmless = never_tells or finding.anomaly is Anomaly.PROTOCOL
        return finding.verdict() is not Verdict.VALID and not harmless

    def format_mismatch(self, execution: ScheduleExecution, deadline_s: float) -> Finding:
        """The finding that the server does not use this workload's message format at this path."""
        spoken = bool(execution.history.unexpected)
        path, name = self.workload.path(0), self.workload.name
        if execution.first_published is not None:
            published = execution.first_published
            sent = f"sent {shortened(published if isinstance(published, str) else repr(published))}"
        else:
            sent = "listened" if not self.workload.publishes else "sent nothing"
        feed = self.workload.contract.feed
        timeout_s = silence_ns(feed) / 1e9 if feed is not None else deadline_s / 2
        if execution.join_fault and not spoken:
            explanation = (
                f"Nothing is known about the channel {name!r}: no member could join at {path}, because the server "
                f"{execution.join_fault}. See join() of the workload."
            )
            return Finding("join-failed", name, Anomaly.UNKNOWN, Level.INFORMATIONAL, explanation)
        within = f" within {timeout_s:g} s" if execution.first_received == "nothing" else ""
        if execution.history.ignored and not spoken:
            explanation = (
                f"Nothing is known about the channel {name!r}: a member {sent}, and all that it received at {path} was "
                f"{execution.first_received}. No promise covers such messages. The workload must read publications "
                "as DELIVERY or REPLY, with their envelopes: see its read()."
            )
            return Finding("format", name, Anomaly.UNKNOWN, Level.INFORMATIONAL, explanation)
        refused = execution.first_received.startswith("the refusal")
        elsewhere = "If the target has another channel there, name it with --channels."
        advice = advice_on_refusal(execution.first_received) if refused else elsewhere
        explanation = (
            f"{path} does not speak the format of the channel {name!r}: a member {sent}, and received{within} "
            f"{execution.first_received}. The workload understood nothing that it received there, so nothing else of "
            f"this channel was tried. {advice}"
        )
        return Finding(
            "format",
            name,
            Anomaly.PHANTOM if spoken else Anomaly.UNKNOWN,
            Level.VIOLATION if spoken else Level.INFORMATIONAL,
            explanation,
        )

    def reported_like(self, finding: Finding) -> list[ReportedFinding]:
        """The reported findings of the same check and anomaly."""
        return [entry for entry in self.reported if (entry.check, entry.anomaly) == (finding.check, finding.anomaly)]

    def split_that_explains(self, finding: Finding) -> Finding | None:
        """The reported finding that the audience is split, if it explains this one."""
        if finding.level is not Level.VIOLATION or finding.check not in EXPLAINED_BY_SPLIT:
            return None
        split = (entry.finding for entry in self.reported if entry.check == "split-audience")
        return next((finding_of_split for finding_of_split in split if finding_of_split.level.counts), None)

    def note_repeat(self, reported: Finding, check: str) -> None:
        """Note that another property found a reported finding again."""
        self.repeats.setdefault(id(reported), []).append(check)

    def with_repeats(self, finding: Finding) -> Finding:
        """The finding, extended by the other properties that found the same."""
        others = self.repeats.get(id(finding), ())
        if not others or not any(entry.finding is finding for entry in self.reported):
            return finding
        more = f"The same was seen while {', '.join(others)} {'was' if len(others) == 1 else 'were'} tested."
        return replace(
            finding, explanation=f"{finding.explanation} {more}", occurrences=finding.occurrences + len(others)
        )


def _crowded_out(history: History) -> bool:
    """Whether the server refused a member that kept the rules, or cut it off."""
    return any(m.is_well_behaved and m.departure in (Departure.REFUSED, Departure.DROPPED) for m in history.members)

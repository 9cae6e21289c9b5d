"""The whole conformance suite against one server."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from wsproof.conformance.catalogue import BEFORE_FRAMES, CHECKS, PROPERTIES, QUICK, ROBUSTNESS_TESTS, quick_first
from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.explore import RESTARTED_TOO_OFTEN, UNFINISHED, explore, private_storage
from wsproof.conformance.fair_order import FairOrder
from wsproof.conformance.properties.property import Property
from wsproof.conformance.replay import replay
from wsproof.conformance.robustness.definition import RobustnessTest
from wsproof.conformance.rules import rule
from wsproof.conformance.run_robustness import RobustnessRunner
from wsproof.conformance.script import Script
from wsproof.conformance.session import (
    BudgetSpent,
    EndedWhileProbed,
    ServerGone,
    ServerUnderTest,
    Session,
    open_session,
)
from wsproof.conformance.verify.root_cause import PLAIN_CLIENT
from wsproof.errors import CannotTellError, UsageError
from wsproof.model.chapter import Chapter, RuleKind, SuiteName
from wsproof.model.crash import crashed_check
from wsproof.model.finding import Anomaly, Finding, Level, Verdict, seen_only
from wsproof.model.server_end import PROCESS_ENDED
from wsproof.model.suite import CheckRun, Keep, NotRun, SuiteOptions, SuiteReport, keep_nothing
from wsproof.net.budget import Budget
from wsproof.workloads import Opening

__all__ = [
    "CHECKS",
    "PROPERTIES",
    "ROBUSTNESS_TESTS",
    "check_property",
    "check_robustness",
    "planned",
    "replay",
    "run_suite",
]

_ABOUT_LENGTHS = ("payload-lengths", "control-not-counted")
_NEEDS_MESSAGES = "not checked: it needs messages that this endpoint is not known to accept"

Progress = Callable[[str, float], None]

_SLOW_S = 0.25
"""Seconds. If the first answer takes longer, the budget does not suffice for all checks."""
_DRAW_SHARE = 3.0
"""Time limit for the generated examples of one property, in even shares of the remaining time per remaining check."""
_LEAST_DRAW_S = 0.5
_EDGES_SHARE = 6.0
_LEAST_EDGES_S = 10.0
"""The same limits for edge cases, in shares and in seconds. A server that omits several answers takes this long
for a few cases."""


def run_suite(
    server: ServerUnderTest,
    options: SuiteOptions,
    progress: Progress | None = None,
    keep: Keep = keep_nothing,
    budget: Budget | None = None,
    opening: Opening | None = None,
) -> SuiteReport:
    """Check a server against every property that `options` asks for.

    The same seed runs the same scripts. The budget (by default that of `options`) cuts the run short. A server that
    refuses a plain handshake gives UNKNOWN with the reason, never VALID. `keep` gets the report so far after each
    check, and when the run ends early. `opening` is how a member of the channel at this path begins.

    Raises:
        UsageError: `options.only` names nothing that exists.
        TargetError: nobody listens.
    """
    checks = _wanted(options)
    if not checks:
        raise UsageError(
            f"expected --only to begin a check's name or section, got {', '.join(options.only)}. "
            "`wsproof list checks` shows them all"
        )
    show_progress = progress or (lambda title, done: None)
    begun = time.monotonic()
    budget = budget if budget is not None else Budget(options.budget_s)
    try:
        with private_storage(), open_session(server, options, budget, opening) as session:
            report = _run(_ProtocolRun(session, begun), checks, show_progress, keep)
    except BudgetSpent:
        report = SuiteReport(options.seed, not_run=tuple(_out_of_time(each, budget.reason) for each in checks))
    except EndedWhileProbed as error:
        report = _ended(options.seed, str(error))
    except CannotTellError as error:
        # Reported once, since the reason is the same for every property.
        row = CheckRun(
            "handshake",
            "4",
            "the opening handshake is accepted",
            Verdict.UNKNOWN,
            0,
            0.0,
            str(error),
            chapter=Chapter.HANDSHAKE,
        )
        report = SuiteReport(options.seed, (row,))
    return replace(report, wall_s=time.monotonic() - begun)


def _ended(seed: int, explanation: str) -> SuiteReport:
    """Report a server that ended before anything was checked. Its end is the finding."""
    harm = rule(PROCESS_ENDED).harm
    finding = Finding(
        PROCESS_ENDED,
        "liveness",
        Anomaly.PROTOCOL,
        Level.VIOLATION,
        explanation,
        rule_harm=harm,
        chapter=Chapter.ROBUSTNESS,
        kind=RuleKind.SERVICE,
    )
    row = CheckRun(
        PROCESS_ENDED,
        "liveness",
        "the server's process keeps running",
        Verdict.INVALID,
        0,
        0.0,
        chapter=Chapter.ROBUSTNESS,
    )
    return SuiteReport(seed, (row,), (finding,))


def planned(options: SuiteOptions) -> tuple[NotRun, ...]:
    """List the checks that `options` asks for as not run yet."""
    return tuple(_not_run(each, "") for each in _wanted(options))


def _wanted(options: SuiteOptions) -> list[Property | RobustnessTest]:
    by_name = {each.name: each for each in CHECKS if options.wants(each.name, each.rule.section, SuiteName.PROTOCOL)}
    return [by_name[name] for name in quick_first(list(by_name), options)]


class _ProtocolRun:
    """The state of a suite run: the rows and findings so far."""

    def __init__(self, session: Session, begun: float) -> None:
        self.session = session
        self.robustness = RobustnessRunner(session)
        self.rows: list[CheckRun] = []
        self.not_run: list[NotRun] = []
        self._begun = begun

    def add(self, row: CheckRun | NotRun) -> None:
        """Record a check that has ended or was not run."""
        if isinstance(row, NotRun):
            self.not_run.append(row)
        else:
            self.rows.append(row)

    def report(self) -> SuiteReport:
        """Build the report so far, including findings of the check that is running."""
        has_shown = self.session.accepted and (self.rows or self.session.cases.by_rule)
        frames = [_server_frames(self.session)] if has_shown else []
        frames += [_idle_clients(self.session)] if self.session.losses else []
        findings = _sorted([*self.session.cases.findings(), *self.robustness.fresh_findings()])
        rows, left, wall_s = (*self.rows, *frames), tuple(self.not_run), time.monotonic() - self._begun
        remarks = (self.session.profile.remark,) if self.session.profile.remark else ()
        return SuiteReport(self.session.options.seed, rows, tuple(findings), left, wall_s, remarks=remarks)


def _run(
    suite_run: _ProtocolRun, checks: list[Property | RobustnessTest], show_progress: Progress, keep: Keep
) -> SuiteReport:
    session, robustness = suite_run.session, suite_run.robustness
    order = FairOrder(
        checks,
        session.budget.remaining_s,
        is_slow=session.first_answer_s > _SLOW_S,
        scripts=lambda each: each.script_count(session.profile),
        first=QUICK if session.options.quick else (),
    )
    try:
        while order.left:
            share_s = session.budget.remaining_s / len(order.left)
            session.draw_s = max(_LEAST_DRAW_S, _DRAW_SHARE * share_s)
            session.edges_s = max(_LEAST_EDGES_S, _EDGES_SHARE * share_s)
            done, tested, begun = order.done, order.next(), time.monotonic()
            show_progress(tested.rule.title, done)
            row, goes_on = (
                _run_robustness_test(robustness, tested)
                if isinstance(tested, RobustnessTest)
                else _run_guarded(session, tested)
            )
            order.took(tested, time.monotonic() - begun)
            suite_run.add(row)
            keep(suite_run.report())
            if not goes_on:
                _leave_out(suite_run, order.left, row.reason)
                break
    finally:
        robustness.close()
        keep(suite_run.report())
    show_progress("done", 1.0)
    return suite_run.report()


def _leave_out(suite_run: _ProtocolRun, others: list[Property | RobustnessTest], reason: str) -> None:
    """Record the checks that cannot run: the budget is spent, or the server is gone (reported once)."""
    if suite_run.session.budget.spent:
        suite_run.not_run += [_out_of_time(other, _spent(suite_run.session)) for other in others]
    else:
        suite_run.rows += _not_reached(len(others), reason)


def _spent(session: Session) -> str:
    return session.budget.reason


def _run_robustness_test(robustness: RobustnessRunner, test: RobustnessTest) -> tuple[CheckRun | NotRun, bool]:
    """Run one robustness test; the second value says whether the run goes on.

    An internal error ends only this test.
    """
    begun = time.monotonic()
    try:
        return robustness.run(test), True
    except BudgetSpent:
        return _out_of_time(test, _spent(robustness.session)), False
    except ServerGone as error:
        return CheckRun(
            test.name, test.rule.section, test.rule.title, robustness.verdict_on(test), 0, 0.0, str(error)
        ), False
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001  an internal error in one test must not stop the others
        robustness.close()
        return crashed_check(*_named(test), error, time.monotonic() - begun, chapter=test.rule.chapter), True


def _run_guarded(session: Session, tested: Property) -> tuple[CheckRun | NotRun, bool]:
    """Run one property; the second value says whether the run goes on.

    An internal error ends only this property. Its findings so far stay recorded, and count for its verdict.
    """
    begun = time.monotonic()
    try:
        return _run_one(session, tested)
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001  an internal error in one property must not stop the others
        session.close()
        session.cases.count_unretried()
        row = crashed_check(*_named(tested), error, time.monotonic() - begun, chapter=tested.rule.chapter)
        cause = session.cases.cause_of(tested.name)
        if cause is not None:
            other = cause if cause != tested.name else ""
            row = replace(row, verdict=_verdict_on(session, cause), cause=other)
        return row, True


def _named(tested: Property | RobustnessTest) -> tuple[str, str, str]:
    return tested.name, tested.rule.section, tested.rule.title


def _verdict_on(session: Session, name: str) -> Verdict:
    return next(each.verdict() for each in session.cases.findings() if each.check == name)


def _run_one(session: Session, tested: Property) -> tuple[CheckRun | NotRun, bool]:
    """Run one property; the second value says whether the run goes on."""
    if absent := _why_not_here(session.profile, tested):
        return _not_run(tested, absent), True
    begun, before = time.monotonic(), session.scripts_run
    conclusive, declined, inconclusive = session.conclusive, session.declined, session.inconclusive
    reason = cut_short = ""
    goes_on = True
    try:
        cut_short = _explore_and_settle(session, tested)
    except BudgetSpent:
        reason, goes_on = _spent(session), False
        found = session.cases.cause_of(tested.name)
        if found is None:
            return _out_of_time(tested, reason), goes_on  # Some scripts passed, but not all of them ran.
        if observed := _observed_in(session, found):
            return _out_of_time(tested, f"{reason}; {observed}"), goes_on
    except ServerGone as error:
        reason, goes_on = str(error), False
    tried = session.scripts_run - before
    seconds = time.monotonic() - begun
    verdict = Verdict.VALID
    if (cause := session.cases.cause_of(tested.name)) is not None:
        verdict = _verdict_on(session, cause)
        reason = reason or _observed_in(session, cause)
    elif cut_short == UNFINISHED:
        return _out_of_time(tested, reason or cut_short), goes_on
    elif cut_short == RESTARTED_TOO_OFTEN:
        verdict, reason = Verdict.UNKNOWN, reason or cut_short
    elif tried and session.declined == declined + tried and not tested.about_offers:
        return _not_run(tested, reason or "not offered by the server: it declines these offers"), goes_on
    elif nothing_shown := _why_nothing(session, tested, tried, session.conclusive - conclusive, inconclusive):
        return _not_run(tested, reason or nothing_shown), goes_on
    if goes_on and _fails_for_plain_client(session, tested, cause):
        reason, goes_on = "the simplest connection fails already, so no other check can pass", False
    return _row(tested, verdict, tried, seconds, reason or cut_short, cause), goes_on


def _why_not_here(profile: EndpointProfile, tested: Property) -> str:
    """Return why the property cannot be checked on this endpoint; empty if it can."""
    if profile.closes_unasked and tested not in BEFORE_FRAMES and tested.name != "close-by-server":
        return (
            f"not checked: this endpoint closes by itself before the client sends anything ({profile.closes_unasked})"
        )
    return tested.not_here(profile)


def _observed_in(session: Session, name: str) -> str:
    """Return why a check passes although a violation was seen: the violation was not reproduced."""
    (finding,) = [each for each in session.cases.findings() if each.check == name]
    return seen_only(finding)


def _explore_and_settle(session: Session, tested: Property) -> str:
    """Run one property, then retry what it found. Return why the exploration was cut short; empty if it was not.

    Some of the budget is reserved for the retries, so that each case is settled.

    Raises:
        BudgetSpent, ServerGone: as `Session.attempt`. With BudgetSpent, the retries have used their reserved time.
    """
    try:
        with session.budget.leaving_retries():
            cut_short = explore(session, tested)
    except BudgetSpent:
        with session.budget.for_retries():
            session.settle(session.cases.unsettled())
        raise
    session.settle(session.cases.unsettled())
    return cut_short


def _fails_for_plain_client(session: Session, tested: Property, cause: str | None) -> bool:
    """Whether a client that does nothing unusual is not served, so that every other check would fail as well."""
    if tested.name == "opening-accepted" and cause == tested.name:
        plain_script = Script(tested.name)
    elif cause == PLAIN_CLIENT.subject != tested.name:
        plain_script = PLAIN_CLIENT
    else:
        return False
    try:
        return session.fails(plain_script)
    except (BudgetSpent, ServerGone):
        return False  # The next check reports the reason.


def _why_nothing(session: Session, tested: Property, tried: int, conclusive: int, inconclusive: int) -> str:
    """Return why the scripts say nothing about a property; empty if they do.

    `inconclusive` is the session's count before the property.
    """
    profile = session.profile
    if not tried:
        lacks = profile.is_selective or profile.most_messages is not None
        return _NEEDS_MESSAGES if lacks else "there is no script with which this could be checked on this endpoint"
    if not conclusive and session.inconclusive > inconclusive:
        return f"not checked: the server does not answer here, as in other checks ({session.timeouts.known_silences})"
    if not conclusive and not tested.about_limits:
        how = profile.refuses or "a close frame of its own"
        return f"not checked: this endpoint refuses these messages ({how}), as an application may"
    if tested.name in _ABOUT_LENGTHS and not profile.has_lengths:
        return "not checked: the endpoint accepts the sample only in its own length"
    if tested.name == "utf8-valid" and profile.sample is not None and profile.sample.payload.isascii():
        return "not checked: the sample has only ASCII characters; give one with other characters as well"
    return ""


def check_property(session: Session, tested: Property) -> tuple[list[Finding], str]:
    """Run one property; return its new findings and why it was skipped. The pytest tests call this.

    Raises:
        BudgetSpent, ServerGone: as `Session.attempt`.
    """
    earlier = set(session.cases.by_rule)
    if absent := _why_not_here(session.profile, tested):
        return [], absent
    before, conclusive, inconclusive = session.scripts_run, session.conclusive, session.inconclusive
    try:
        _explore_and_settle(session, tested)
    except (BudgetSpent, ServerGone):
        if earlier >= set(session.cases.by_rule):
            raise  # Otherwise report what was found before the run ended.
    fresh = [name for name in session.cases.by_rule if name not in earlier]
    findings = _sorted(finding for finding in session.cases.findings() if finding.check in fresh)
    is_violated = session.cases.cause_of(tested.name) is not None
    tried = session.scripts_run - before
    return findings, "" if is_violated else _why_nothing(
        session, tested, tried, session.conclusive - conclusive, inconclusive
    )


def check_robustness(session: Session, test: RobustnessTest) -> tuple[list[Finding], str]:
    """Run one robustness test; return its findings and why it was skipped. The pytest tests call this.

    Raises:
        BudgetSpent, ServerGone: as `Session.attempt`.
    """
    robustness = RobustnessRunner(session)
    try:
        row = robustness.run(test)
        return robustness.fresh_findings(), row.reason if isinstance(row, NotRun) else ""
    finally:
        robustness.close()


def _server_frames(session: Session) -> CheckRun:
    """A row for the server's own frames, which every script checks at no extra cost."""
    broken = [each for each in session.cases.findings() if each.kind is RuleKind.SERVER_FRAMES]
    verdict = Verdict.worst(each.verdict() for each in broken)
    title = "every frame and answer of the server is legal"
    return CheckRun("server-frames", "5", title, verdict, session.scripts_run, 0.0, chapter=Chapter.FRAMING)


def _idle_clients(session: Session) -> CheckRun:
    """A row that reports closed idle connections. A server may close them, so the verdict is VALID."""
    often = len(session.losses)
    times = "once" if often == 1 else f"{often} times"
    reason = f"an idle client was cut off {times}: the server {session.losses[0]}; new clients were served"
    return CheckRun(
        "other-clients-served",
        "liveness",
        rule("other-clients-served").title,
        Verdict.VALID,
        often,
        0.0,
        reason,
        chapter=Chapter.ROBUSTNESS,
    )


def _not_reached(left: int, reason: str) -> list[CheckRun]:
    """One UNKNOWN row for all checks that cannot run on this server."""
    if not left:
        return []
    title = f"the other {left} checks"
    return [CheckRun("not-run", "-", title, Verdict.UNKNOWN, 0, 0.0, f"not run: {reason}", chapter=None)]


def _not_run(tested: Property | RobustnessTest, reason: str) -> NotRun:
    return NotRun(*_named(tested), reason, chapter=tested.rule.chapter)


def _out_of_time(tested: Property | RobustnessTest, reason: str) -> NotRun:
    return NotRun(*_named(tested), reason, is_out_of_time=True, chapter=tested.rule.chapter)


def _row(tested: Property, verdict: Verdict, examples: int, seconds: float, reason: str, cause: str | None) -> CheckRun:
    other = cause if cause is not None and cause != tested.name else ""
    own = tested.rule
    return CheckRun(
        tested.name, own.section, own.title, verdict, examples, seconds, reason, cause=other, chapter=own.chapter
    )


def _sorted(findings: Any) -> list[Finding]:
    return sorted(findings, key=lambda finding: list(Level).index(finding.level))

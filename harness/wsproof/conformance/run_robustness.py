"""The runner of the robustness tests: rows, findings and retries."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from wsproof.conformance.exchange.bystander import Service
from wsproof.conformance.robustness.context import NOT_OURS, HandshakeRefused, RobustnessContext
from wsproof.conformance.robustness.definition import RobustnessOutcome, RobustnessTest
from wsproof.conformance.server_watch import STAYS, ServerWatch
from wsproof.conformance.session import BudgetSpent, ServerGone, Session
from wsproof.conformance.verify.findings import finding_of
from wsproof.conformance.verify.violations import RuleViolation
from wsproof.errors import TargetError
from wsproof.model.chapter import RuleKind
from wsproof.model.finding import Finding, Verdict, not_retried, seen_only, verdict_of
from wsproof.model.server_end import PROCESS_ENDED, ServerEnd
from wsproof.model.suite import CheckRun, NotRun

__all__ = ["RobustnessRunner"]


@dataclass
class RobustnessRunner:
    """Runs robustness tests on one server, one after the other, and collects their findings."""

    session: Session
    findings: list[Finding] = field(default_factory=list)
    _context: RobustnessContext | None = None
    _known: dict[str, object] = field(default_factory=dict)
    _gone: ServerGone | None = None

    def run(self, test: RobustnessTest) -> CheckRun | NotRun:
        """Run one robustness test, and replace a server of ours that serves nobody afterwards.

        Raises:
            BudgetSpent: the time for the run is over.
            ServerGone: the server serves nobody any more, and wsproof did not start it.
        """
        if closes := self.session.profile.closes_unasked:
            return _not_run(
                test, f"not checked: this endpoint closes by itself before the client sends anything ({closes})"
            )
        if test.needs_process and self.session.server.pid is None:
            return _not_run(test, NOT_OURS)
        if shown := next(self.session.cases.implying(test.name), None):
            return _not_run(test, f"a simpler check shows a fault already: see {shown}")
        begun = time.monotonic()
        outcome = self._run_first(test)
        try:
            again = self._retried(test, outcome)
        except BudgetSpent:
            self._keep(map(not_retried, _findings(test, outcome, None, self.session)))
            raise
        if outcome.lacking and self._gone is None:
            return _not_run(test, outcome.lacking)
        self._keep([] if outcome.cause or outcome.lacking else _findings(test, outcome, again, self.session))
        if self._gone is not None:
            raise self._gone
        verdict, reason, cause = self._row_verdict(test, outcome)
        return CheckRun(
            test.name,
            test.rule.section,
            test.rule.title,
            verdict,
            outcome.connections,
            time.monotonic() - begun,
            reason,
            tuple(outcome.figures),
            cause,
            chapter=test.rule.chapter,
        )

    def close(self) -> None:
        """Disconnect the clients of the tests."""
        if self._context is not None:
            self._context.close()
            self._context = None

    def fresh_findings(self) -> list[Finding]:
        """The findings about rules that the properties have not found violated."""
        return [one for one in self.findings if one.check not in self.session.cases.by_rule]

    def verdict_on(self, test: RobustnessTest) -> Verdict:
        """The verdict on the test's rule; UNKNOWN if the test found nothing."""
        own = [one for one in self.findings if one.check == test.name]
        return verdict_of(own) if own else Verdict.UNKNOWN

    def _row_verdict(self, test: RobustnessTest, outcome: RobustnessOutcome) -> tuple[Verdict, str, str]:
        """The row's verdict and reason, and the root cause if that is another rule."""
        if not outcome.violations:
            return Verdict.VALID, "", ""
        own = [one for one in self.findings if one.check == (outcome.cause or test.name)]
        if own:
            return verdict_of(own), seen_only(own[0]), outcome.cause
        reported = [one for one in self.findings if one.check in {violation.rule for violation in outcome.violations}]
        return verdict_of(reported), f"see {reported[0].check}" if reported else "", ""

    def _keep(self, findings: Iterable[Finding]) -> None:
        """Keep the findings about rules that no test before has found violated."""
        violated = {one.check for one in self.findings}
        self.findings += [one for one in findings if one.check not in violated]

    def _run_first(self, test: RobustnessTest) -> RobustnessOutcome:
        """Run the test, and leave some of the budget for a retry."""
        with self.session.budget.leaving_retries():
            return self._run_once(test)

    def _run_once(self, test: RobustnessTest, parameters: Mapping[str, Any] | None = None) -> RobustnessOutcome:
        """Run the test once and check that the server still serves others. `parameters` are given for a retry."""
        watch = ServerWatch(self.session.server)
        try:
            context = self._context = self._context or self._new_context(parameters or {})
            outcome = test.run(context)
        except HandshakeRefused as error:
            outcome = RobustnessOutcome(lacking=f"the server accepts no more clients, which may be a limit: {error}")
        except TargetError as error:
            outcome = RobustnessOutcome()
            if test.rule.kind is not RuleKind.SERVICE:
                outcome.lacking = f"the test could not be carried out: {error}"
            outcome.report_violation(test.name, "clients to be served", f"one was not: {error}")
        service = self._service()
        if service is not Service.SERVED:
            if service.is_fault and not outcome.violations:
                outcome.report_violation("other-clients-served", "other clients to be served afterwards", "one was not")
            self._report_process_end(outcome, watch)
            self._restart_server()
        elif parameters is not None or outcome.violations:
            self.close()  # The next test starts with a new context.
        outcome.server_output = outcome.server_output or (watch.exception() if outcome.violations else ())
        return outcome

    def _report_process_end(self, outcome: RobustnessOutcome, watch: ServerWatch) -> None:
        """If the server's process ended, report that instead of its consequences."""
        end = watch.end(self.session.server.endpoint)
        if end is None:
            return
        how = end.sentence if isinstance(end, ServerEnd) else end
        outcome.server_output = end.output if isinstance(end, ServerEnd) else ()
        outcome.note(how)
        outcome.violations = [RuleViolation(PROCESS_ENDED, STAYS, how)]
        outcome.lacking = outcome.cause = ""

    def _service(self) -> Service:
        """Whether the server serves old and new clients, now that the test's clients are gone."""
        try:
            return Service.SERVED if self._context is not None and self._context.all_served() else Service.SILENT
        except HandshakeRefused:
            return Service.REFUSED

    def _retried(self, test: RobustnessTest, first: RobustnessOutcome) -> set[str] | None:
        """The rules that a retry also found violated; None if there was no retry.

        The retry guards against a machine that was busy for a while. Cost and leak tests measure several times
        themselves, and an ended process needs no confirmation: these get no retry.
        """
        ended = any(violation.rule == PROCESS_ENDED for violation in first.violations)
        if (
            not first.violations
            or first.cause
            or first.lacking
            or ended
            or test.repeats_itself
            or self._gone is not None
        ):
            return None
        self.close()
        self._known.clear()
        again = self._run_once(test, first.parameters)
        rules = {violation.rule for violation in again.violations}
        if PROCESS_ENDED in rules:
            first.violations += [violation for violation in again.violations if violation.rule == PROCESS_ENDED]
            first.server_output = again.server_output
            return {violation.rule for violation in first.violations}
        return rules

    def _new_context(self, parameters: Mapping[str, Any]) -> RobustnessContext:
        session = self.session
        server = session.server
        return RobustnessContext(
            session.endpoint,
            session.profile,
            server.pid,
            session.options.deadline_s,
            session.budget,
            session.options.examples,
            parameters=parameters,
            header_echo=getattr(server, "header_echo", None),
            known=self._known,
        )

    def _restart_server(self) -> None:
        """Restart a server that does not serve everybody.

        If that fails, keep the error, so that findings are saved first.
        """
        self.close()
        self._known = {}
        try:
            if not self.session.server.owned:
                raise ServerGone("the server no longer serves a well-behaved client, and wsproof cannot restart it")
            self.session.restart()
        except ServerGone as gone:
            self._gone = gone


def _findings(
    test: RobustnessTest, outcome: RobustnessOutcome, again: set[str] | None, session: Session
) -> list[Finding]:
    """The findings of the test, each with its recipe. `again` holds the rules that a retry found violated."""
    recipe = {
        "robustness_test": test.name,
        "examples": session.options.examples,
        "deadline_s": session.options.deadline_s,
        "parameters": outcome.parameters,
        "facts": session.profile.to_json(),
    }
    findings = [
        finding_of(
            violation,
            outcome.lines,
            recipe,
            reproduced=None if again is None else f"{int(violation.rule in again)} of 1",
        )
        for violation in outcome.violations
    ]
    return [replace(finding, server_output=outcome.server_output) for finding in findings]


def _not_run(test: RobustnessTest, reason: str) -> NotRun:
    return NotRun(test.name, test.rule.section, test.rule.title, reason, chapter=test.rule.chapter)

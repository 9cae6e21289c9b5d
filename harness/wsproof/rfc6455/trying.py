"""Trials at work on a server under examination: rows and findings, and the same trial again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from wsproof.errors import CannotTellError, TargetError, UsageError
from wsproof.model.finding import Finding, Verdict, verdict_of
from wsproof.model.server_end import PROCESS_ENDED, ServerEnd
from wsproof.model.suite import CheckRun, NotRun
from wsproof.net.budget import Budget
from wsproof.net.endpoint import Endpoint
from wsproof.rfc6455.examination import Examination, ServerGone
from wsproof.rfc6455.facts import Facts, Message
from wsproof.rfc6455.findings import finding_of
from wsproof.rfc6455.judge import Charge
from wsproof.rfc6455.robustness.ground import NOT_OURS, Ground, HandshakeRefused
from wsproof.rfc6455.robustness.trial import Outcome, Trial
from wsproof.rfc6455.robustness.trials import TRIALS
from wsproof.rfc6455.server_watch import STAYS, ServerWatch

__all__ = ["Trials", "replay_trial"]

_AGAIN_S = 2.0


@dataclass
class Trials:
    """Holds trials on one server, one after the other; `findings` are what they showed."""

    subject: Examination
    findings: list[Finding] = field(default_factory=list)
    _ground: Ground | None = None
    _known: dict[str, object] = field(default_factory=dict)

    def hold(self, trial: Trial) -> CheckRun | NotRun:
        """One trial; a server of ours that no longer serves anybody afterwards is replaced.

        Raises:
            BudgetSpent: the time for the run is over.
            ServerGone: it serves nobody any more, and is not ours to replace.
        """
        if trial.needs_process and self.subject.server.pid is None:
            return _not_run(trial, NOT_OURS)
        if shown := next(self.subject.ledger.implying(trial.name), None):
            return _not_run(trial, f"a few frames show a fault already: see {shown}")
        begun = time.monotonic()
        outcome = self._perform(trial)
        ended = any(charge.rule == PROCESS_ENDED for charge in outcome.charges)
        if outcome.charges and not outcome.cause and not ended and trial.rule.id.startswith("served-"):
            outcome = self._confirmed(trial, outcome)
        if outcome.lacking:
            return _not_run(trial, outcome.lacking)
        found = (
            []
            if outcome.cause
            else [_finding(trial, charge, outcome, self.subject.facts) for charge in outcome.charges]
        )
        known = {one.check for one in self.findings}
        self.findings += [one for one in found if one.check not in known]
        verdict, reason, cause = self._judged(trial, outcome)
        return CheckRun(
            trial.name,
            trial.rule.section,
            trial.rule.title,
            verdict,
            outcome.connections,
            time.monotonic() - begun,
            reason,
            tuple(outcome.figures),
            cause,
        )

    def close(self) -> None:
        """Let go of the server."""
        if self._ground is not None:
            self._ground.close()
            self._ground = None

    def fresh_findings(self) -> list[Finding]:
        """What trials showed that no property did: some are about the same rule."""
        return [one for one in self.findings if one.check not in self.subject.ledger.cases]

    def verdict_on(self, trial: Trial) -> Verdict:
        """What is known of the trial's rule: UNKNOWN where it found nothing."""
        own = [one for one in self.findings if one.check == trial.name]
        return verdict_of(own) if own else Verdict.UNKNOWN

    def _judged(self, trial: Trial, outcome: Outcome) -> tuple[Verdict, str, str]:
        """The verdict of the trial's row, its reason, and of which other rule it is when its own is not the one that is
        broken."""
        if not outcome.charges:
            return Verdict.VALID, "", ""
        own = [one for one in self.findings if one.check == (outcome.cause or trial.name)]
        if own:
            return verdict_of(own), "", outcome.cause
        told = [one for one in self.findings if one.check in {charge.rule for charge in outcome.charges}]
        return verdict_of(told), f"see {told[0].check}" if told else "", ""

    def _perform(self, trial: Trial, deadline_s: float | None = None) -> Outcome:
        watch = ServerWatch(self.subject.server)
        try:
            ground = self._ground = self._ground or self._fresh_ground(deadline_s or self.subject.options.deadline_s)
            outcome = trial.perform(ground)
        except HandshakeRefused as error:
            outcome = Outcome(lacking=f"the server takes no more clients, which may be a limit: {error}")
        except TargetError as error:
            outcome = Outcome()
            if not trial.name.startswith("served-"):
                outcome.lacking = f"it did not come to that: {error}"
            outcome.charge(trial.name, "clients to be served", f"one was not: {error}")
        if not self._serves_all():
            self._tell_end(outcome, watch)
            self._revive()
        elif deadline_s is not None or outcome.charges:
            self.close()  # the next trial begins with full patience
        outcome.server_output = outcome.server_output or (watch.exception() if outcome.charges else ())
        return outcome

    def _tell_end(self, outcome: Outcome, watch: ServerWatch) -> None:
        """Where the server's process ended, say that instead of what follows from it."""
        end = watch.end(self.subject.server.endpoint)
        if end is None:
            return
        how = end.sentence if isinstance(end, ServerEnd) else end
        outcome.server_output = end.output if isinstance(end, ServerEnd) else ()
        outcome.note(how)
        outcome.charges = [Charge(PROCESS_ENDED, STAYS, how)]
        outcome.lacking = outcome.cause = ""

    def _serves_all(self) -> bool:
        """Whether the server lives for everybody, now that the clients of the trial are gone."""
        try:
            return self._ground is not None and self._ground.all_served()
        except HandshakeRefused:
            return False

    def _confirmed(self, trial: Trial, first: Outcome) -> Outcome:
        """Silence convicts when it comes again: a machine that was busy elsewhere for a while is no fault."""
        self.close()
        self._known.clear()
        again = self._perform(trial, min(_AGAIN_S, self.subject.options.deadline_s))
        both = {charge.rule for charge in again.charges} & {charge.rule for charge in first.charges}
        first.charges = [charge for charge in first.charges if charge.rule in both]
        return first

    def _fresh_ground(self, deadline_s: float) -> Ground:
        subject = self.subject
        server = subject.server
        return Ground(
            subject.endpoint,
            subject.facts,
            server.pid,
            deadline_s,
            subject.budget,
            subject.options.examples,
            known=self._known,
        )

    def _revive(self) -> None:
        self.close()
        self._known = {}
        if not self.subject.server.owned:
            raise ServerGone(
                "the server no longer serves a well-behaved client; it was not started here, so it stays so"
            )
        self.subject.restart()


def replay_trial(
    recipe: Mapping[str, Any], endpoint: Endpoint, pid: int | None, deadline_s: float, login: tuple[Message, ...] = ()
) -> list[Finding]:
    """Hold the trial of a finding again, once; what it shows broken this time.

    Raises:
        UsageError: `recipe` is not one of a trial.
        CannotTellError: it needs the server's process, which is not ours here.
    """
    try:
        trial = next(each for each in TRIALS if each.name == recipe["trial"])
        facts, examples = Facts.from_json(recipe["facts"], login), int(recipe["examples"])
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise UsageError(f"expected the recipe of an rfc6455 finding, but it cannot be read: {error!r}") from error
    if trial.needs_process and pid is None:
        raise CannotTellError(f"{trial.name} is {NOT_OURS}; replay it on a server that is started here")
    ground = Ground(endpoint, facts, pid, deadline_s, Budget(None), examples)
    try:
        outcome = trial.perform(ground)
    finally:
        ground.close()
    return [_finding(trial, charge, outcome, facts) for charge in outcome.charges]


def _finding(trial: Trial, charge: Charge, outcome: Outcome, facts: Facts) -> Finding:
    finding = finding_of(charge, outcome.lines, {"trial": trial.name, "examples": 25, "facts": facts.to_json()})
    return replace(finding, server_output=outcome.server_output)


def _not_run(trial: Trial, reason: str) -> NotRun:
    return NotRun(trial.name, trial.rule.section, trial.rule.title, reason)

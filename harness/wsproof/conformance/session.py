"""The test session with one server: run scripts, verify transcripts, watch the server."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Protocol

from wsproof.conformance.endpoint_profile import EndpointProfile, Message, is_application_code
from wsproof.conformance.exchange.bystander import Bystander, Service
from wsproof.conformance.exchange.driver import Driver
from wsproof.conformance.exchange.login import join_of
from wsproof.conformance.exchange.segment_barrier import SegmentBarrier
from wsproof.conformance.exchange.timeouts import Timeouts
from wsproof.conformance.exchange.transcript import Transcript
from wsproof.conformance.load_refusals import ScriptResult, retry_while_full
from wsproof.conformance.probe import probe
from wsproof.conformance.properties.accepted_messages import with_accepted_messages
from wsproof.conformance.rules import Binding, rule
from wsproof.conformance.script import Script, SendFrame
from wsproof.conformance.server_watch import STAYS, MemoryWatch, ServerWatch
from wsproof.conformance.verify.cases import Cases
from wsproof.conformance.verify.root_cause import PLAIN_CLIENT, segment_per_frame, simpler, unfragmented
from wsproof.conformance.verify.violations import RuleViolation, may_be_application_close, verify
from wsproof.errors import CannotTellError, TargetError
from wsproof.model.server_end import PROCESS_ENDED, ServerEnd
from wsproof.model.suite import SuiteOptions
from wsproof.net.budget import Budget, BudgetSpent
from wsproof.net.client import Client
from wsproof.net.clock import now_ns
from wsproof.net.endpoint import Endpoint
from wsproof.wire import MASK, CloseCode, Frame
from wsproof.workloads import Opening

__all__ = ["BudgetSpent", "ServerGone", "ServerUnderTest", "Session", "open_session"]

_AGAIN = 3
"""Number of retries of one script."""
_SHRINK_S = 12.0
"""Seconds for shrinking in one run, over all properties."""
_SILENT_RETRIES_S = 5.0
"""Seconds of timeouts that the retries of one run may wait out."""
_RESERVED_OPCODE = 3
"""An opcode that RFC 6455 5.2 reserves: a server must fail the connection."""
_CONTROLS = 3
"""Number of times that the same messages are sent unfragmented, as a control.

Some applications close because of them only sometimes.
"""
_LINGER_S = 0.3
"""Least time in seconds for which a control waits after the barrier."""
_LONGEST_LINGER_S = 2.0
"""Longest such time in seconds."""
_TIMES_LONGER = 2
"""The same time as a multiple of the script's duration."""
_PROBE_MESSAGES = "texts, binary messages, offers of compression"
_PROBES = 3
"""Attempts to probe a server that stops serving during the probe."""
_SILENT_S = 1.0
"""Least timeout of the first handshake, in seconds."""


class ServerUnderTest(Protocol):
    """The interface of a server for the suite. `target.server.RunningServer` implements it."""

    @property
    def endpoint(self) -> Endpoint: ...

    @property
    def owned(self) -> bool: ...

    @property
    def pid(self) -> int | None: ...

    def restart(self) -> None: ...


class ServerGone(CannotTellError):
    """The server no longer answers, and wsproof did not start it, so it cannot be replaced."""


class Session:
    """Runs scripts against one server and records the violations."""

    def __init__(
        self,
        server: ServerUnderTest,
        options: SuiteOptions,
        profile: EndpointProfile,
        barrier: SegmentBarrier,
        budget: Budget,
        opening: Opening | None = None,
    ) -> None:
        self.server = server
        self._opening = opening
        self.budget = budget
        self.options = options
        self.cases = Cases(profile)
        self.scripts_run = 0
        self.accepted = 0
        self.conclusive = 0
        """Number of scripts with a conclusive outcome: the application did not end the connection for reasons of its
        own."""
        self.inconclusive = 0
        """Number of scripts that timed out before the full timeout, so that the missing response is no evidence."""
        self.declined = 0
        """Number of compression scripts that sent nothing because the server declined permessage-deflate."""
        self.timeouts = Timeouts(options.deadline_s, budget)
        self.shrink_s = _SHRINK_S
        """Seconds left for shrinking, shared by all properties."""
        self.restarts = 0
        """Number of times that the server stopped serving others and was replaced."""
        self.first_answer_s = 0.0
        """Seconds until the server answered the first handshake."""
        self.draw_s = math.inf
        """Seconds for the generated examples of one property, so that all properties get a share of the budget."""
        self.edges_s = math.inf
        """Seconds for the edge cases of one property, so that no property uses the time of all others."""
        self.silent_s = _SILENT_RETRIES_S
        """Seconds left for retries that wait out a timeout."""
        self._driver = Driver(self.endpoint, profile, self.timeouts, barrier)
        self._least_bytes: dict[int, int] = {}
        self._bystander = Bystander(
            options.deadline_s, profile.first_messages, begin=join_of(profile), answers_pings=not profile.closes_unasked
        )

    def begin(self) -> None:
        """Connect the bystander. Raises BudgetSpent."""
        self._bystander.settle(self.endpoint, self.timeouts.bystander_s)
        self.budget.check()

    @property
    def endpoint(self) -> Endpoint:
        """The server's current endpoint; its timeouts never exceed the remaining budget."""
        return member_endpoint(self.server.endpoint, self._opening).within(self.budget)

    @property
    def profile(self) -> EndpointProfile:
        """The endpoint profile that the probe found."""
        return self._driver.profile

    @property
    def losses(self) -> list[str]:
        """Ways in which the server closed the idle bystander although it served new clients."""
        return self._bystander.losses

    def attempt(self, script: Script) -> list[RuleViolation]:
        """Run one script, and record and return its violations.

        Returns no violations for a script that needs messages which this endpoint is not known to accept.

        Raises:
            BudgetSpent: the time for the run is over.
            ServerGone: the server is dead or hangs and cannot be replaced.
        """
        fit = with_accepted_messages(script, self.profile)
        if fit is None:
            return []
        script = fit
        if "segmentation" in self.cases.by_rule and script.subject != "segmentation":
            # Segmentation is known to be mishandled: avoid it, so that the other rules can be checked.
            script = segment_per_frame(script)
        transcript, violations = self._run_script(script)
        proven = [violation for violation in violations if self._has_evidence(violation, transcript)]
        for violation in proven:
            self.cases.note(script, violation, transcript, proven)
            self._note_known_silence(violation)
        return proven

    def _note_known_silence(self, violation: RuleViolation) -> None:
        if violation.by_silence:
            self.timeouts.know_silence(violation.rule)

    def fails(self, script: Script) -> bool:
        """Whether a script violates its own rule again, where a violation of that rule is already recorded."""
        if script.subject not in self.cases.by_rule:
            return False
        return any(violation.rule == script.subject for violation in self._run_script(script)[1])

    def _run_script(self, script: Script) -> tuple[Transcript, list[RuleViolation]]:
        """Run a script, then ask the bystander whether it is served. Results that the budget cut short are dropped."""
        self.budget.check()
        self.scripts_run += 1
        watch = ServerWatch(self.server)
        memory_watch = MemoryWatch(self.server.pid, self._least_bytes) if script.subject == "deflate-bomb" else None
        begun = time.monotonic()
        try:
            result = self._run_accepted(script)
        except TargetError as error:
            self.budget.check()
            transcript = Transcript(lines=[f"   ({error})"])
            violations = [
                RuleViolation(
                    "other-clients-served", "TCP connections to be accepted", "the server no longer accepts them"
                )
            ]
        else:
            if result is None:
                self.inconclusive += 1
                return Transcript(), []
            handshake, expected, transcript = result
            violations = verify(script, handshake, expected, self.profile, transcript)
            violations = [violation for violation in violations if not violation.needs_codes or self._sends_close_codes]
            violations += memory_watch.violations(transcript) if memory_watch is not None else []
            self.declined += expected.declined
            if may_be_application_close(expected, transcript, self.profile):
                sent = len(expected.messages)
                violations = self._without_application_closes(script, sent, violations, time.monotonic() - begun)
                self.conclusive += bool(violations)
            elif any(self._has_evidence(violation, transcript) for violation in violations):
                self.conclusive += 1
            elif violations:
                self.inconclusive += 1
            elif not expected.in_frame:  # A server answers nothing while a frame is incomplete.
                self.conclusive += 1
            self.accepted += transcript.response is not None and transcript.response.status == 101
        service = self._bystander.ask(self.endpoint, self.timeouts.bystander_s)
        if (service is not Service.SERVED or transcript.awaited is not None) and self.budget.spent:
            raise BudgetSpent
        if service.is_fault:
            transcript.note(f"another client was no longer served after this: {self._bystander.remark}")
            violations.append(RuleViolation("other-clients-served", "a pong for another client's ping", "none came"))
            self._reconnect_or_restart(script, violations, transcript, watch)
        elif service is Service.REFUSED:
            self._wait_until_accepting()
        transcript.server_output = transcript.server_output or (watch.exception() if violations else ())
        return transcript, violations

    def _run_accepted(self, script: Script) -> ScriptResult | None:
        """Run a script; retry it if the server refused it because of its load. None: it still refuses all handshakes.

        Raises:
            BudgetSpent: the time for the run is over.
            ServerGone: the server answers but accepts no more clients, and wsproof cannot replace it.
            TargetError: nobody listens.
        """
        if script.subject in self.cases.by_rule:
            return self._driver.run(script)
        return retry_while_full(self._driver.run, script, self._wait_until_accepting, self._pause)

    def _pause(self, seconds: float) -> None:
        time.sleep(self.budget.at_most(seconds))
        self.budget.check()

    def _wait_until_accepting(self) -> None:
        """Wait until the server accepts clients again, or replace it."""
        if self._bystander.ask(self.endpoint) is Service.SERVED:
            return
        self.budget.check()
        if not self.server.owned:
            raise ServerGone(f"the server accepts no more clients, which may be a limit: {self._bystander.remark}")
        self.restart()

    @cached_property
    def _sends_close_codes(self) -> bool:
        """Whether the server sends a close code when it fails a connection, here over a reserved opcode.

        This is the control for an answer without a code: some servers send an empty close frame for every error.
        """
        script = Script("opcode-reserved", (SendFrame(Frame(_RESERVED_OPCODE, mask=MASK)),))
        try:
            _, _, transcript = self._driver.run(script)
        except TargetError:
            return False
        return transcript.close is not None and transcript.close.code is not None

    def _without_application_closes(
        self, script: Script, sent: int, violations: list[RuleViolation], took_s: float
    ) -> list[RuleViolation]:
        """Drop violations that the application, not the server, may have caused.

        To tell them apart, send the same messages unfragmented, each in a segment of its own. An application sees no
        fragments, masks or segments. If the connection ends again, the application ended it. `took_s` is how long the
        script took: the application may need as long to end the connection. If the script has as many messages
        as the endpoint accepts, the application may end the connection at any time, so a repetition proves nothing.
        """
        if not any(violation.may_be_application for violation in violations):
            return violations
        plain = unfragmented(script)
        most = self.profile.most_messages
        says_all = self.profile.has_messages and plain.actions and plain != segment_per_frame(script)
        says_all = says_all and (most is None or sent < most)
        if says_all and not any(self._is_ended(plain, took_s) for _ in range(_CONTROLS)):
            return violations
        return [violation for violation in violations if not violation.may_be_application]

    def _is_ended(self, plain: Script, took_s: float) -> bool:
        """Whether the application ends the connection even when these messages are sent unfragmented."""
        linger_s = self.budget.at_most(min(max(_LINGER_S, _TIMES_LONGER * took_s), _LONGEST_LINGER_S))
        _, expected, transcript = self._driver.run(plain, linger_s)
        return may_be_application_close(expected, transcript, self.profile)

    def _has_evidence(self, violation: RuleViolation, transcript: Transcript) -> bool:
        """Whether the violation has enough evidence.

        A missing response needs the full timeout, unless the same one is known.
        """
        if not (violation.by_silence and transcript.gave_up_early):
            return True
        case = self.cases.by_rule.get(violation.rule)
        return case is not None and case.violation.awaited is violation.awaited

    def _reconnect_or_restart(
        self, script: Script, violations: list[RuleViolation], transcript: Transcript, watch: ServerWatch
    ) -> None:
        """Connect a new bystander after a loss; restart the server if the new one is not served either."""
        self._bystander.forget()
        if not self._bystander.ask(self.endpoint, self.timeouts.bystander_s).is_fault:
            return
        self._bystander.forget()
        self._report_process_end(violations, transcript, watch)
        self.budget.check()
        self.timeouts.know_silence("other-clients-served")
        if not self.server.owned:
            for violation in violations:
                if self._has_evidence(violation, transcript):
                    self.cases.note(script, violation, transcript)
            if "other-clients-served" in self.cases.by_rule:
                self.cases.by_rule["other-clients-served"].counts_unretried = True  # No retry is possible.
            raise ServerGone("the server no longer answers a well-behaved client, and wsproof cannot restart it")
        self.restart()

    def _report_process_end(self, violations: list[RuleViolation], transcript: Transcript, watch: ServerWatch) -> None:
        """If the server's process ended, report that instead of its consequences."""
        end = watch.end(self.server.endpoint)
        if end is None:
            return
        how = end.sentence if isinstance(end, ServerEnd) else end
        transcript.server_output = end.output if isinstance(end, ServerEnd) else ()
        transcript.note(how)
        violations[:] = [violation for violation in violations if violation.rule != "other-clients-served"]
        violations.append(RuleViolation(PROCESS_ENDED, STAYS, how))
        self.cases.causes.setdefault("other-clients-served", PROCESS_ENDED)

    def restart(self) -> None:
        """Restart the server, which wsproof started, and continue.

        Raises:
            BudgetSpent: the time for the run is over.
            ServerGone: the server does not start again.
        """
        self._bystander.forget()
        try:
            self.server.restart()
        except TargetError as error:
            self.budget.check()
            raise ServerGone(f"the server stopped serving, and could not be started again: {error}") from error
        self._driver.endpoint = self.endpoint
        self.restarts += 1

    def settle(self, names: list[str]) -> None:
        """Find the root cause of new cases, and count how often each can be reproduced."""
        for name in names:
            if name in self.cases.by_rule:
                self.cases.by_rule[name].is_settled = True
                if not self._has_simpler_cause(name):
                    self.reproduce(name)
                    self._attribute_to_segmentation(name)

    def _attribute_to_segmentation(self, name: str) -> None:
        """If segmentation is known to be mishandled, attribute intermittent timeouts to it."""
        is_mishandled = "segmentation" in self.cases.by_rule and name != "segmentation"
        case = self.cases.by_rule[name]
        if is_mishandled and case.violation.by_silence and case.hits < case.retries:
            del self.cases.by_rule[name]
            self.cases.causes[name] = "segmentation"

    def _has_simpler_cause(self, name: str) -> bool:
        """Whether a simpler script from this case fails by itself; its rule is then recorded as the root cause."""
        case = self.cases.by_rule[name]
        if name not in (case.smallest.subject, "messages-intact"):
            return False
        for candidate in simpler(case.smallest, self.profile):
            if (fit := with_accepted_messages(candidate, self.profile)) is None:
                continue
            transcript, violations = self._run_script(fit)
            for violation in violations:
                if candidate == PLAIN_CLIENT and (violation.by_silence or _is_turned_away(transcript)):
                    continue  # The server may be slow, or limit the number of clients.
                if violation.rule == candidate.subject == name:
                    return False  # The case is its own root cause.
                if violation.rule == candidate.subject:
                    self._found_cause(name, fit, violation, transcript)
                    return True
        return self._is_segmentation(name)

    def _is_segmentation(self, name: str) -> bool:
        """Whether the violation disappears when each frame is sent in a segment of its own."""
        if name == "segmentation" or rule(name).level is Binding.MAY:
            return False  # A limit on the bytes of one read is no segmentation fault.
        joined = replace(self.cases.by_rule[name].smallest, subject="segmentation")
        if len(joined.actions) < 2 or segment_per_frame(joined) == joined:
            return False
        _, violations = self._run_script(replace(segment_per_frame(joined), subject=name))
        if any(violation.rule == name for violation in violations):
            return False
        transcript, violations = self._run_script(joined)
        for violation in violations:
            if violation.rule == "segmentation":
                self._found_cause(name, joined, violation, transcript)
                return True
        return False

    def _found_cause(self, name: str, script: Script, violation: RuleViolation, transcript: Transcript) -> None:
        self.cases.move(name, script, violation, transcript)
        self._note_known_silence(violation)
        if not self.cases.by_rule[violation.rule].retries:
            self.reproduce(violation.rule)

    def reproduce(self, name: str) -> None:
        """Retry a case and record how often it was reproduced.

        If its smallest script never fails, retry the first one.
        """
        case = self.cases.by_rule[name]
        with self.timeouts.retrying(name):
            if not self._retry(name, case.smallest) and case.first != case.smallest:
                case.fall_back()
                self._retry(name, case.first)

    def _retry(self, name: str, script: Script) -> int:
        """Run a script up to three more times, and return how often it shows the case again.

        Each retry uses the full timeout. Once the run's time for timeouts is spent, a case that failed every time gets
        no further retry.
        """
        case, hits = self.cases.by_rule[name], 0
        for _ in range(_AGAIN):
            transcript, violations = self._run_script(script)
            repeated = [violation for violation in violations if violation.rule == name]
            case.retries += 1
            if repeated:
                hits += 1
                case.hits += 1
                case.show(script, repeated[0], transcript)
            if hits == case.retries and repeated[0].by_silence and not self._has_time_for_silence(transcript):
                break
        return hits

    def _has_time_for_silence(self, transcript: Transcript) -> bool:
        """Whether the run has time left for one more retry that times out."""
        self.silent_s -= transcript.waited_s or 0.0
        return self.silent_s > 0

    def close(self) -> None:
        """Disconnect the bystander."""
        self._bystander.forget()


def _is_turned_away(transcript: Transcript) -> bool:
    """Whether the application closed with a code of its own, as a limit on clients does. 1011 says that it failed."""
    close = transcript.close
    return close is not None and close.code != CloseCode.INTERNAL_ERROR and is_application_code(close.code)


class EndedWhileProbed(CannotTellError):
    """A server that wsproof did not start ended while it was probed."""


def member_endpoint(endpoint: Endpoint, opening: Opening | None) -> Endpoint:
    """The endpoint as the member of this opening connects to it, with its own headers and subprotocols."""
    if opening is None:
        return endpoint.numbered(0)
    return endpoint.numbered(opening.number).with_own(opening.headers, opening.subprotocols)


def _first_answer(endpoint: Endpoint, options: SuiteOptions, budget: Budget) -> float:
    """Measure the seconds until a plain handshake is answered.

    The timeout is at least one second, so that a silent server is reported as silent, not as a spent budget.

    Raises:
        TargetError: nobody listens, or there is no answer.
        CannotTellError: there is no answer within a timeout that the budget has shortened.
    """
    deadline_s = min(options.deadline_s, max(_SILENT_S, budget.remaining_s))
    client, began_ns = Client(endpoint, deadline_s=deadline_s), now_ns()
    try:
        client.open()
    except TargetError as error:
        is_silent = not client.ended and not isinstance(error.__cause__, OSError)
        if is_silent and deadline_s < options.deadline_s:
            raise CannotTellError(f"{error} The budget left no time to wait longer: try a longer --budget.") from error
        raise
    finally:
        client.abort()
    return (now_ns() - began_ns) / 1e9


def _probed(server: ServerUnderTest, options: SuiteOptions, budget: Budget, opening: Opening | None) -> EndpointProfile:
    """Probe the endpoint. If a server of ours stops serving during the probe, restart it and probe again.

    Raises:
        BudgetSpent: the time was over before anything was known.
        CannotTellError: the server refuses the probe, or stops serving each time.
        EndedWhileProbed: wsproof did not start the server, and connections are refused since the probe.
    """
    for attempt in range(_PROBES):
        try:
            return probe(
                member_endpoint(server.endpoint, opening).within(budget),
                options.deadline_s,
                Message.of(options.sample) if options.sample is not None else None,
                budget,
                login=tuple(map(Message.of, options.login)),
                opening=opening,
            )
        except CannotTellError:
            budget.check()  # There was too little time left for an answer, so its absence shows nothing.
            raise
        except TargetError as error:
            budget.check()
            if not server.owned and (end := ServerWatch(server).end(server.endpoint)) is not None:
                raise EndedWhileProbed(f"After the probe of this run ({_PROBE_MESSAGES}), {end}.") from error
            if not server.owned or attempt == _PROBES - 1:
                raise CannotTellError(f"the server stopped serving during the probe: {error}") from error
            server.restart()
    raise AssertionError("unreachable")


@contextmanager
def open_session(
    server: ServerUnderTest, options: SuiteOptions, budget: Budget | None = None, opening: Opening | None = None
) -> Iterator[Session]:
    """Probe a server and open a session with it. Without `budget`, use the budget of the options.

    `opening` is how a member of the channel at this path begins, for an endpoint that refuses plain texts.

    Raises:
        BudgetSpent: the time was over before anything was known.
        CannotTellError: the server refuses a plain handshake, so nothing can be checked.
        TargetError: nobody listens.
    """
    budget = budget if budget is not None else Budget(options.budget_s)
    if opening is not None and (refusal := opening.prepare(server.endpoint.http_url)):
        raise CannotTellError(f"a member of the channel {refusal}")
    first_answer_s = _first_answer(member_endpoint(server.endpoint, opening), options, budget)
    profile = _probed(server, options, budget, opening)
    with SegmentBarrier() as barrier:
        session = Session(server, options, profile, barrier, budget, opening)
        session.first_answer_s = first_answer_s
        try:
            session.begin()
            yield session
        finally:
            session.close()

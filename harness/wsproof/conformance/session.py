"""One server under examination: conversations are had, judged and kept; the server is watched all the while."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol

from wsproof.conformance.endpoint_profile import EndpointProfile, Message
from wsproof.conformance.exchange.bystander import Bystander, Service
from wsproof.conformance.exchange.driver import Driver
from wsproof.conformance.exchange.segment_barrier import SegmentBarrier
from wsproof.conformance.exchange.timeouts import Timeouts
from wsproof.conformance.exchange.transcript import Transcript
from wsproof.conformance.oracle.frames import Expectation
from wsproof.conformance.oracle.handshake import HandshakeAnswer, HandshakeExpectation
from wsproof.conformance.probe import probe
from wsproof.conformance.properties.sample_text import in_samples
from wsproof.conformance.rules import Binding, rule
from wsproof.conformance.script import Script
from wsproof.conformance.server_watch import STAYS, ServerWatch
from wsproof.conformance.verify.cases import Cases
from wsproof.conformance.verify.memory_growth import MemoryGrowth
from wsproof.conformance.verify.root_cause import apart, plainly, simpler
from wsproof.conformance.verify.violations import Violation, leaves_open, verify
from wsproof.errors import CannotTellError, TargetError
from wsproof.model.server_end import PROCESS_ENDED, ServerEnd
from wsproof.model.suite import SuiteOptions
from wsproof.net.budget import Budget, BudgetSpent
from wsproof.net.client import Client
from wsproof.net.clock import now_ns
from wsproof.net.endpoint import Endpoint

__all__ = ["BudgetSpent", "ServerGone", "ServerUnderTest", "Session", "open_session"]

_AGAIN = 3
_SHRINK_S = 12.0
_SILENT_RETRIES_S = 15.0
_PLAIN = Script("opening-accepted")
_FULL_STATUSES = (429, 503)
_CONTROLS = 3
"""How often messages are sent plainly before the application is known not to mind them: some mind them at times."""
_LINGER_S = 0.3
_LONGEST_LINGER_S = 2.0
_TIMES_LONGER = 2
_PROBES = 3
_SILENT_S = 1.0
"""What a server has at least to answer its first handshake."""


class ServerUnderTest(Protocol):
    """What the suite needs of a server; `net.running.RunningServer` is one."""

    @property
    def endpoint(self) -> Endpoint: ...

    @property
    def owned(self) -> bool: ...

    @property
    def pid(self) -> int | None: ...

    def restart(self) -> None: ...


class ServerGone(CannotTellError):
    """The server no longer answers, and it is not ours to replace."""


class Session:
    """Conversations with one server, and what they showed."""

    def __init__(
        self,
        server: ServerUnderTest,
        options: SuiteOptions,
        facts: EndpointProfile,
        barrier: SegmentBarrier,
        budget: Budget,
    ) -> None:
        self.server = server
        self.budget = budget
        self.options = options
        self.ledger = Cases(facts)
        self.conversations = 0
        self.accepted = 0
        self.told = 0
        """Conversations whose outcome says something of the server: it did not leave for reasons of its own."""
        self.unheard = 0
        """Conversations that a silence ended before it was evidence."""
        self.declined = 0
        """Conversations about compression to which the server said no, so that nothing was said in them."""
        self.patience = Timeouts(options.deadline_s, budget)
        self.shrink_s = _SHRINK_S
        """Seconds left for making conversations smaller, of all properties together."""
        self.deaths = 0
        """How often the server stopped serving others, and was replaced."""
        self.first_answer_s = 0.0
        """Seconds that its first answer took."""
        self.draw_s = math.inf
        """Seconds for what is drawn for one property: all of them have their share of the budget."""
        self.edges_s = math.inf
        """Seconds for the edges of one property: no chapter takes the time of all others."""
        self.silent_s = _SILENT_RETRIES_S
        """Seconds left for waiting out again silences that came again at once."""
        self._conduct = Driver(self.endpoint, facts, self.patience, barrier)
        self._least_bytes: dict[int, int] = {}
        self._neighbour = Bystander(options.deadline_s, facts.first_messages, answers_pings=not facts.closes_unasked)

    def begin(self) -> None:
        """Bring the bystander in. Raises BudgetSpent."""
        self._neighbour.settle(self.endpoint, self.patience.bystander_s)
        self.budget.check()

    @property
    def endpoint(self) -> Endpoint:
        """Where the server is now; nobody waits there for longer than the budget lasts."""
        return self.server.endpoint.within(self.budget)

    @property
    def facts(self) -> EndpointProfile:
        """What the endpoint is."""
        return self._conduct.facts

    @property
    def losses(self) -> list[str]:
        """How the server ended connections of an idle client that kept the rules, while it served new ones."""
        return self._neighbour.losses

    def attempt(self, conversation: Script) -> list[Violation]:
        """Have one conversation; keep and return the rules it shows broken.

        One that needs messages which this endpoint is not known to take is left out.

        Raises:
            BudgetSpent: the time for the run is over.
            ServerGone: the server is dead or wedged and cannot be replaced.
        """
        fit = in_samples(conversation, self.facts)
        if fit is None:
            return []
        conversation = fit
        if "segmentation" in self.ledger.cases and conversation.subject != "segmentation":
            # Known to be broken: it is worked around, so that the rest can be judged.
            conversation = apart(conversation)
        transcript, charges = self._perform(conversation)
        kept = [charge for charge in charges if self._may_be_believed(charge, transcript)]
        for charge in kept:
            self.ledger.note(conversation, charge, transcript, kept)
            self._know(charge)
        return kept

    def _know(self, charge: Violation) -> None:
        if charge.by_silence:
            self.patience.know_silence(charge.rule)

    def fails(self, conversation: Script) -> bool:
        """Whether a conversation breaks its own rule, where that rule is known to be broken."""
        if conversation.subject not in self.ledger.cases:
            return False
        return any(charge.rule == conversation.subject for charge in self._perform(conversation)[1])

    def _perform(self, conversation: Script) -> tuple[Transcript, list[Violation]]:
        """Have a conversation, and ask a neighbour whether it is served. What the budget cut off tells nothing."""
        self.budget.check()
        self.conversations += 1
        watch = ServerWatch(self.server)
        swelling = MemoryGrowth(self.server.pid, self._least_bytes) if conversation.subject == "deflate-bomb" else None
        begun = time.monotonic()
        try:
            greeting, expected, transcript = self._converse(conversation)
        except TargetError as error:
            self.budget.check()
            transcript = Transcript(lines=[f"   ({error})"])
            charges = [Violation("neighbour-served", "TCP connections are accepted", "they are not, any more")]
        else:
            charges = verify(conversation, greeting, expected, self.facts, transcript)
            charges += swelling.charges(transcript) if swelling is not None else []
            self.declined += expected.declined
            if leaves_open(expected, transcript, self.facts):
                charges = self._without_own_reasons(conversation, charges, time.monotonic() - begun)
                self.told += bool(charges)
            elif any(self._may_be_believed(charge, transcript) for charge in charges):
                self.told += 1
            elif charges:
                self.unheard += 1
            elif not expected.in_frame:  # of a frame that never ends nothing is heard
                self.told += 1
            self.accepted += transcript.response is not None and transcript.response.status == 101
        service = self._neighbour.ask(self.endpoint, self.patience.bystander_s)
        if (service is not Service.SERVED or transcript.awaited is not None) and self.budget.spent:
            raise BudgetSpent
        if service.is_fault:
            transcript.note(f"another client was no longer served after this: {self._neighbour.remark}")
            charges.append(Violation("neighbour-served", "a pong for another client's ping", "none"))
            self._revive(conversation, charges, transcript, watch)
        elif service is Service.REFUSED:
            self._wait_for_room()
        transcript.server_output = transcript.server_output or (watch.exception() if charges else ())
        return transcript, charges

    def _converse(self, conversation: Script) -> tuple[HandshakeExpectation, Expectation, Transcript]:
        """Have a conversation; one that came at a time when the server takes no more clients is had again.

        Raises:
            ServerGone: it takes no clients any more, though it answers, and is not ours to replace.
            TargetError: nobody listens.
        """
        result = self._conduct.perform(conversation)
        if result[0].answer is not HandshakeAnswer.ACCEPT or not _is_full(result[2]):
            return result
        if conversation != _PLAIN and not _is_full(self._conduct.perform(_PLAIN)[2]):
            return result
        self._wait_for_room()
        return self._conduct.perform(conversation)

    def _wait_for_room(self) -> None:
        """Wait until the server takes clients again, or replace it."""
        if self._neighbour.ask(self.endpoint) is Service.SERVED:
            return
        self.budget.check()
        if not self.server.owned:
            raise ServerGone(f"the server takes no more clients, which may be a limit: {self._neighbour.remark}")
        self.restart()

    def _without_own_reasons(self, conversation: Script, charges: list[Violation], took_s: float) -> list[Violation]:
        """Drop violations that the application, not the server, may have caused.

        To tell them apart, send the same messages unfragmented, in segments of their own: an application sees no
        fragments, masks and segments. If the connection is ended again, it was the application. `took_s` is how long
        the conversation took: an application may need as long to end the connection.
        """
        if not any(charge.own_reasons for charge in charges):
            return charges
        plain = plainly(conversation)
        says_all = self.facts.has_messages and plain.actions and plain != apart(conversation)
        if says_all and not any(self._is_ended(plain, took_s) for _ in range(_CONTROLS)):
            return charges
        return [charge for charge in charges if not charge.own_reasons]

    def _is_ended(self, plain: Script, took_s: float) -> bool:
        """Whether the application ends the connection over these messages, however plainly they are said."""
        linger_s = self.budget.at_most(min(max(_LINGER_S, _TIMES_LONGER * took_s), _LONGEST_LINGER_S))
        _, expected, transcript = self._conduct.perform(plain, linger_s)
        return leaves_open(expected, transcript, self.facts)

    def _may_be_believed(self, charge: Violation, transcript: Transcript) -> bool:
        """A silence is evidence after the full timeout only; a shorter one may be the silence that is known."""
        if not (charge.by_silence and transcript.hurried):
            return True
        case = self.ledger.cases.get(charge.rule)
        return case is not None and case.charge.awaited is charge.awaited

    def _revive(
        self, conversation: Script, charges: list[Violation], transcript: Transcript, watch: ServerWatch
    ) -> None:
        """After a neighbour was lost: connect another one, on a fresh server if there must be one."""
        self._neighbour.forget()
        if not self._neighbour.ask(self.endpoint, self.patience.bystander_s).is_fault:
            return
        self._neighbour.forget()
        self._tell_end(charges, transcript, watch)
        self.budget.check()
        self.patience.know_silence("neighbour-served")
        if not self.server.owned:
            for charge in charges:
                if self._may_be_believed(charge, transcript):
                    self.ledger.note(conversation, charge, transcript)
            raise ServerGone(
                "the server no longer answers a well-behaved client; it was not started here, so it stays so"
            )
        self.restart()

    def _tell_end(self, charges: list[Violation], transcript: Transcript, watch: ServerWatch) -> None:
        """Where the server's process ended, say that instead of what follows from it."""
        end = watch.end(self.server.endpoint)
        if end is None:
            return
        how = end.sentence if isinstance(end, ServerEnd) else end
        transcript.server_output = end.output if isinstance(end, ServerEnd) else ()
        transcript.note(how)
        charges[:] = [charge for charge in charges if charge.rule != "neighbour-served"]
        charges.append(Violation(PROCESS_ENDED, STAYS, how))
        self.ledger.causes.setdefault("neighbour-served", PROCESS_ENDED)

    def restart(self) -> None:
        """Go on with a fresh server of ours.

        Raises:
            BudgetSpent: the time for the run is over.
            ServerGone: it does not start again.
        """
        self._neighbour.forget()
        try:
            self.server.restart()
        except TargetError as error:
            self.budget.check()
            raise ServerGone(f"the server stopped serving, and could not be started again: {error}") from error
        self._conduct.endpoint = self.endpoint
        self.deaths += 1

    def settle(self, names: list[str]) -> None:
        """Look for the root cause of new cases, and see how often each can be repeated."""
        for name in names:
            if name in self.ledger.cases:
                self.ledger.cases[name].is_settled = True
                if not self._has_simpler_cause(name):
                    self.reproduce(name)
                    self._forgive_chance(name)

    def _forgive_chance(self, name: str) -> None:
        """Where segments are known to decide, a silence that comes and goes was decided by them."""
        known = "segmentation" in self.ledger.cases and name != "segmentation"
        case = self.ledger.cases[name]
        if known and case.charge.by_silence and case.hits < case.retries:
            del self.ledger.cases[name]
            self.ledger.causes[name] = "segmentation"

    def _has_simpler_cause(self, name: str) -> bool:
        """Whether something simpler that is in the case fails by itself: then that is the root cause."""
        case = self.ledger.cases[name]
        if name not in (case.smallest.subject, "messages-intact"):
            return False
        for candidate in simpler(case.smallest, self.facts):
            if (fit := in_samples(candidate, self.facts)) is None:
                continue
            transcript, charges = self._perform(fit)
            for charge in charges:
                if charge.rule == candidate.subject == name:
                    return False  # it is the cause itself
                if charge.rule == candidate.subject:
                    self._found_cause(name, fit, charge, transcript)
                    return True
        return self._is_about_segments(name)

    def _is_about_segments(self, name: str) -> bool:
        """Whether the case is gone when each of its frames comes in a segment of its own."""
        if name == "segmentation" or rule(name).level is Binding.MAY:
            return False  # a limit on what comes at once is no fault of reading
        joined = replace(self.ledger.cases[name].smallest, subject="segmentation")
        if len(joined.actions) < 2 or apart(joined) == joined:
            return False
        _, charges = self._perform(replace(apart(joined), subject=name))
        if any(charge.rule == name for charge in charges):
            return False
        transcript, charges = self._perform(joined)
        for charge in charges:
            if charge.rule == "segmentation":
                self._found_cause(name, joined, charge, transcript)
                return True
        return False

    def _found_cause(self, name: str, conversation: Script, charge: Violation, transcript: Transcript) -> None:
        self.ledger.move(name, conversation, charge, transcript)
        self._know(charge)
        if not self.ledger.cases[charge.rule].retries:
            self.reproduce(charge.rule)

    def reproduce(self, name: str) -> None:
        """Try a case again, and write down how often it could be repeated; fall back to how it was first seen."""
        case = self.ledger.cases[name]
        with self.patience.retrying(name):
            if not self._retry(name, case.smallest) and case.first != case.smallest:
                case.fall_back()
                self._retry(name, case.first)

    def _retry(self, name: str, conversation: Script) -> int:
        """Have a conversation some times more; how often it shows the case again.

        A silence is waited out in full each time, so one that is certain is retried less often where there were many.
        """
        case, hits = self.ledger.cases[name], 0
        for _ in range(_AGAIN):
            transcript, charges = self._perform(conversation)
            found = [charge for charge in charges if charge.rule == name]
            case.retries += 1
            if found:
                hits += 1
                case.hits += 1
                case.show(conversation, found[0], transcript)
            if hits == case.retries and found[0].by_silence and not self._has_time_for_silence(transcript):
                break
        return hits

    def _has_time_for_silence(self, transcript: Transcript) -> bool:
        """Whether one more retry may be waited for, of all silences of the run."""
        self.silent_s -= transcript.waited_s or 0.0
        return self.silent_s > 0

    def close(self) -> None:
        """Let the neighbour go."""
        self._neighbour.forget()


def _is_full(transcript: Transcript) -> bool:
    """Whether the handshake was refused for what others do, not for what it says."""
    return transcript.response is not None and transcript.response.status in _FULL_STATUSES


def _first_answer(server: ServerUnderTest, options: SuiteOptions, budget: Budget) -> float:
    """Seconds until a plain handshake is answered. It has a second at least: a silent server is told as such, not as
    a matter of the budget.

    Raises:
        TargetError: nobody listens, or there is no answer.
    """
    deadline_s = min(options.deadline_s, max(_SILENT_S, budget.remaining_s))
    client, began_ns = Client(server.endpoint, deadline_s=deadline_s), now_ns()
    try:
        client.open()
    finally:
        client.abort()
    return (now_ns() - began_ns) / 1e9


def _probed(server: ServerUnderTest, options: SuiteOptions, budget: Budget) -> EndpointProfile:
    """The facts. A server of ours that dies of the questions is replaced and asked again, for its other answers.

    Raises:
        BudgetSpent: the time was over before anything was known.
        CannotTellError: it refuses what is asked, or stops serving each time.
    """
    for attempt in range(_PROBES):
        try:
            return probe(
                server.endpoint.within(budget),
                options.deadline_s,
                Message.of(options.sample) if options.sample is not None else None,
                budget,
                login=tuple(map(Message.of, options.login)),
                offered=tuple(map(Message.of, options.offered)),
            )
        except CannotTellError:
            budget.check()  # it did not answer in the little time that was left: that says nothing
            raise
        except TargetError as error:
            budget.check()
            if not server.owned or attempt == _PROBES - 1:
                raise CannotTellError(f"the server stopped serving while it was asked what it is: {error}") from error
            server.restart()
    raise AssertionError("unreachable")


@contextmanager
def open_session(server: ServerUnderTest, options: SuiteOptions, budget: Budget | None = None) -> Iterator[Session]:
    """Probe a server and examine it. Without a budget there is that of the options.

    Raises:
        BudgetSpent: the time was over before anything was known.
        CannotTellError: it refuses a plain handshake, so that nothing can be examined.
        TargetError: nobody listens.
    """
    budget = budget if budget is not None else Budget(options.budget_s)
    first_answer_s = _first_answer(server, options, budget)
    facts = _probed(server, options, budget)
    with SegmentBarrier() as barrier:
        subject = Session(server, options, facts, barrier, budget)
        subject.first_answer_s = first_answer_s
        try:
            subject.begin()
            yield subject
        finally:
            subject.close()

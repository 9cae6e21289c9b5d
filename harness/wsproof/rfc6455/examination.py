"""One server under examination: conversations are had, judged and kept; the server is watched all the while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from wsproof.errors import CannotTellError, TargetError
from wsproof.model.suite import SuiteOptions
from wsproof.net.clock import Deadline
from wsproof.net.endpoint import Endpoint
from wsproof.rfc6455.conduct import Conduct, Patience
from wsproof.rfc6455.conversation import Conversation
from wsproof.rfc6455.facts import Facts, probe
from wsproof.rfc6455.judge import Charge, judge
from wsproof.rfc6455.ledger import Ledger
from wsproof.rfc6455.neighbour import Neighbour
from wsproof.rfc6455.reducing import ROOTS, said_alone, said_as_cut
from wsproof.rfc6455.segments import SegmentBarrier
from wsproof.rfc6455.transcript import Transcript

__all__ = ["BudgetSpent", "Examination", "Server", "ServerGone", "examination"]

_AGAIN = 3
_AGAIN_SILENT_S = 2.0


class Server(Protocol):
    """What the suite needs of a server; `net.running.RunningServer` is one."""

    @property
    def endpoint(self) -> Endpoint: ...

    @property
    def owned(self) -> bool: ...

    def restart(self) -> None: ...


class BudgetSpent(Exception):
    """`options.budget_s` is over."""


class ServerGone(CannotTellError):
    """The server no longer answers, and it is not ours to replace."""


class Examination:
    """Conversations with one server, and what they showed."""

    def __init__(self, server: Server, options: SuiteOptions, facts: Facts, barrier: SegmentBarrier) -> None:
        self.server = server
        self.options = options
        self.ledger = Ledger(facts)
        self.conversations = 0
        self.accepted = 0
        self.patience = Patience(options.deadline_s)
        self._conduct = Conduct(server.endpoint, facts, self.patience, barrier)
        self._neighbour = Neighbour(options.deadline_s)
        self._budget = Deadline.after(options.budget_s) if options.budget_s is not None else None

    @property
    def facts(self) -> Facts:
        """What the endpoint is."""
        return self._conduct.facts

    def attempt(self, conversation: Conversation) -> list[Charge]:
        """Have one conversation; keep and return the rules it shows broken.

        Raises:
            BudgetSpent: the time for the run is over.
            ServerGone: the server is dead or wedged and cannot be replaced.
        """
        if self._budget is not None and self._budget.remaining_s <= 0:
            raise BudgetSpent
        transcript, charges = self._perform(conversation)
        kept = [charge for charge in charges if self._may_be_believed(charge, transcript)]
        for charge in kept:
            self.ledger.note(conversation, charge, transcript)
            self.patience.tire(charge.rule)
        return kept

    def _perform(self, conversation: Conversation) -> tuple[Transcript, list[Charge]]:
        self.conversations += 1
        try:
            greeting, expected, transcript = self._conduct.perform(conversation)
        except TargetError as error:
            transcript = Transcript(lines=[f"   ({error})"])
            charges = [Charge("neighbour-served", "TCP connections are accepted", "they are not, any more")]
        else:
            charges = judge(conversation, greeting, expected, self.facts, transcript)
            self.accepted += transcript.response is not None and transcript.response.status == 101
        if not self._neighbour.is_served(self.server.endpoint):
            transcript.note("another client was no longer served after this")
            charges.append(Charge("neighbour-served", "a pong for another client's ping", "none"))
            self._revive(conversation, charges, transcript)
        return transcript, charges

    def _may_be_believed(self, charge: Charge, transcript: Transcript) -> bool:
        """A rule may be convicted by silence only after full patience; known cases may be repeated in a hurry."""
        hurried = transcript.waited_s is not None and transcript.waited_s < self.options.deadline_s
        return charge.rule in self.ledger.cases or not (charge.by_silence and hurried)

    def _revive(self, conversation: Conversation, charges: list[Charge], transcript: Transcript) -> None:
        """After a neighbour was lost: connect another one, on a fresh server if there must be one."""
        self._neighbour.forget()
        if self._neighbour.is_served(self.server.endpoint):
            return
        self._neighbour.forget()
        if not self.server.owned:
            for charge in charges:
                self.ledger.note(conversation, charge, transcript)
            raise ServerGone(
                "the server no longer answers a well-behaved client; it was not started here, so it stays so"
            )
        self.server.restart()
        self._conduct.endpoint = self.server.endpoint

    def settle(self, names: list[str]) -> None:
        """Look for the root cause of new cases, and see how often each can be repeated."""
        for name in names:
            if name in self.ledger.cases and not self._has_simpler_cause(name):
                self.reproduce(name)

    def _has_simpler_cause(self, name: str) -> bool:
        """Whether a message of the case fails even when it is said alone in one frame: then that is the root cause."""
        case = self.ledger.cases[name]
        if name in ROOTS or name not in (case.smallest.subject, "messages-intact"):
            return False
        for simpler in [*said_alone(case.smallest), *said_as_cut(case.smallest)]:
            if simpler.subject == name:
                continue
            transcript, charges = self._perform(simpler)
            for charge in charges:
                if charge.rule == simpler.subject:
                    self.ledger.move(name, simpler, charge, transcript)
                    if not self.ledger.cases[simpler.subject].reproduced:
                        self.reproduce(simpler.subject)
                    return True
        return False

    def reproduce(self, name: str) -> None:
        """Try a case again, and write down how often it could be repeated; fall back to how it was first seen."""
        case = self.ledger.cases[name]
        if case.charge.by_silence:
            self.patience = self._conduct.patience = Patience(min(self.options.deadline_s, _AGAIN_SILENT_S))
        times = self._count(name, case.smallest)
        if not times and case.first != case.smallest:
            case.smallest = case.first
            times = self._count(name, case.first)
        case.reproduced = f"{times} of {_AGAIN}"
        self.patience = self._conduct.patience = Patience(self.options.deadline_s)
        for known in self.ledger.cases:
            self.patience.tire(known)

    def _count(self, name: str, conversation: Conversation) -> int:
        times = 0
        for _ in range(_AGAIN):
            transcript, charges = self._perform(conversation)
            found = [charge for charge in charges if charge.rule == name]
            times += bool(found)
            if found and conversation == self.ledger.cases[name].smallest:
                self.ledger.cases[name].charge, self.ledger.cases[name].witness = found[0], list(transcript.lines)
        return times

    def close(self) -> None:
        """Let the neighbour go."""
        self._neighbour.forget()


@contextmanager
def examination(server: Server, options: SuiteOptions) -> Iterator[Examination]:
    """Probe a server and examine it.

    Raises:
        CannotTellError: it refuses a plain handshake, so that nothing can be examined.
        TargetError: nobody listens.
    """
    facts = probe(server.endpoint, options.deadline_s)
    with SegmentBarrier() as barrier:
        subject = Examination(server, options, facts, barrier)
        try:
            yield subject
        finally:
            subject.close()

"""One member's conversation with its server: the steps of `join`, the answers, and the timers. Sans-I/O.

The caller feeds messages and times, sends what it gets back, and calls `wake` at `next_ns`. So the delivery suite, the
load engine, Locust and the protocol suite let members join in the same way. Times are in ns, of any one clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from heapq import heapify, heapreplace

from wsproof.errors import WorkloadError
from wsproof.model.nanoseconds import NS
from wsproof.workloads.base import Workload
from wsproof.workloads.steps import JoinRefused, JoinSteps, Message, Send, Wait

MAX_STEPS = 10_000
"""Most steps of one `join`, so that a generator that never ends is an error and not a hang."""
MAX_KEPT = 1_000
"""Most messages that are kept for a later `Wait`. Older ones are dropped."""
_SHOWN = 80
"""Characters of a message that a fault shows."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """The reaction to a received message: what to send, and whether the member was waiting for this message."""

    messages: tuple[Message, ...] = ()
    is_awaited: bool = False


@dataclass(slots=True)
class _Timer:
    due_ns: int
    period_ns: int
    message: Message = field(compare=False)

    def __lt__(self, other: _Timer) -> bool:
        return self.due_ns < other.due_ns


class Conversation:
    """The conversation of one member. Call `start` once the connection is open. `steps` replace those of `join`."""

    def __init__(self, workload: Workload, member: int, steps: JoinSteps | None = None) -> None:
        self.is_joined = False
        """Whether `join` has ended."""
        self.is_subscribed = False
        """Whether the server has promised that the member is subscribed (`Wait.subscribes`)."""
        self.has_sent = False
        """Whether the member sent anything to join."""
        self.is_refused = False
        """Whether the server said that it does not let this member join."""
        self.fault = ""
        """The reason why the member could not join: a clause whose subject is the server. Empty if nothing is wrong."""
        self._workload = workload
        self._member = member
        self._steps = workload.join(member) if steps is None else steps
        self._wait: Wait | None = None
        self._deadline_ns = 0
        self._kept: deque[Message] = deque(maxlen=MAX_KEPT)
        self._timers: list[_Timer] = []

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen by itself: the member has joined or failed, and has no timers."""
        return bool(self.fault) or (self.is_joined and not self._timers)

    @property
    def is_joining(self) -> bool:
        """Whether `join` has neither ended nor failed."""
        return not (self.is_joined or self.fault)

    @property
    def next_ns(self) -> int | None:
        """The time to call `wake`: the end of a wait, or the next timer. None: never."""
        if self.fault:
            return None
        if self._wait is not None:
            return self._deadline_ns
        return self._timers[0].due_ns if self._timers else None

    def start(self, now_ns: int) -> tuple[Message, ...]:
        """Begin to join. Returns what to send."""
        return tuple(self._advance(None, now_ns))

    def receive(self, message: Message, now_ns: int, *, needs_answer: bool = False) -> Reaction:
        """Take a received message. `needs_answer`: `Workload.read` says that it needs an answer.

        Only messages that need an answer, and all messages until the member has joined, must be passed.
        """
        answers = list(self._workload.answer(self._member, message)) if needs_answer else []
        if self._wait is None or self.fault:
            if self.is_joining:
                self._kept.append(message)
            return Reaction(tuple(answers))
        if not self._wait.until(message):
            self._kept.append(message)
            return Reaction(tuple(answers))
        self._take(self._wait)
        return Reaction((*answers, *self._advance(message, now_ns)), is_awaited=True)

    def wake(self, now_ns: int) -> tuple[Message, ...]:
        """Do what is due: give up a wait, or send timer messages. Returns what to send."""
        if self.fault:
            return ()
        if self._wait is not None:
            if now_ns >= self._deadline_ns:
                self._fail(
                    f"did not answer `{self._wait.name}` within {self._wait.timeout_s:g} s{self._last_message()}"
                )
            return ()
        messages = []
        while self._timers and self._timers[0].due_ns <= now_ns:
            timer = self._timers[0]
            messages.append(timer.message)
            # A late caller sends one message, not all that it missed.
            periods = (now_ns - timer.due_ns) // timer.period_ns + 1
            heapreplace(self._timers, _Timer(timer.due_ns + periods * timer.period_ns, timer.period_ns, timer.message))
        return tuple(messages)

    def end(self, how: str) -> None:
        """Note that the server has ended the connection; `how` is a clause, such as `with close code 4401`."""
        if self.is_joining:
            waited = f" before it answered `{self._wait.name}`" if self._wait is not None else ""
            self._fail(f"ended the connection{waited}, {how}{self._last_message()}")

    def _advance(self, answer: Message | None, now_ns: int) -> list[Message]:
        """Run `join` up to its next wait for a message that has not arrived yet."""
        messages: list[Message] = []
        for _ in range(MAX_STEPS):
            try:
                step = next(self._steps) if answer is None else self._steps.send(answer)
            except StopIteration:
                self._joined(now_ns)
                return messages
            except JoinRefused as refusal:
                self.is_refused = True
                self._fail(f"refused the member: {refusal}")
                return messages
            answer = None
            if isinstance(step, Send):
                self.has_sent = True
                messages.append(step.message)
                continue
            answer = next((message for message in self._kept if step.until(message)), None)
            if answer is None:
                self._wait, self._deadline_ns = step, now_ns + int(step.timeout_s * NS)
                return messages
            self._kept.remove(answer)
            self._take(step)
        raise WorkloadError(
            f"expected join() of {self._workload.name} to end, but it has yielded {MAX_STEPS} steps. Let it return."
        )

    def _take(self, wait: Wait) -> None:
        self._wait = None
        self.is_subscribed = self.is_subscribed or wait.subscribes

    def _joined(self, now_ns: int) -> None:
        self.is_joined = True
        self._kept.clear()
        for each in self._workload.timers(self._member):
            period_ns = max(int(each.period_s * NS), 1)
            self._timers.append(_Timer(now_ns + period_ns, period_ns, each.message))
        heapify(self._timers)

    def _fail(self, fault: str) -> None:
        self.fault, self._wait = fault, None
        self._kept.clear()
        self._steps.close()

    def _last_message(self) -> str:
        """A clause with the last message that was not waited for; empty without one."""
        return f"; the last message was {self._kept[-1]!r:.{_SHOWN}}" if self._kept else ""

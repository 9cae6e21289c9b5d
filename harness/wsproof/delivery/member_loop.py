"""The loop of a client pool: waits for input, lets every member read and answer, and sends messages.

There are no sleeps. Every wait is for an expected message and has a timeout.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from wsproof.delivery.background_publishers import BackgroundPublishers
from wsproof.delivery.credentials import altered_message
from wsproof.delivery.member import PoolMember
from wsproof.delivery.message_recorder import MessageRecorder
from wsproof.delivery.ping_probe import PingProbe
from wsproof.delivery.pool_settings import GIVEN_UP_S, PoolSettings
from wsproof.delivery.sent_messages import SentMessages
from wsproof.errors import WorkloadError
from wsproof.model.finding import Anomaly
from wsproof.model.history import Departure, Recorder
from wsproof.net.clock import Deadline, now_ns
from wsproof.net.http_connection import HttpConnection
from wsproof.net.outside_call import CallInThread
from wsproof.wire import BinaryMessage, CloseReceived, Event, TextMessage
from wsproof.workloads import MessageKind, Parsed

Understood = TypeVar("Understood")
SLICE_S = 0.02
"""Longest time in seconds before `wait` tries again to send the rest of half-sent messages."""
STOPS = 3
"""Number of times that a wait starts again because the server was paused."""
CLOSING_S = 1.0
"""Seconds that members get to finish their closing handshakes at the end."""


class MemberLoop:
    """The members of one schedule on one thread: one acts, all receive, and a recorder keeps the history."""

    def __init__(self, setting: PoolSettings) -> None:
        self.setting = setting
        self.contract = setting.workload.contract
        self.members: list[PoolMember] = []
        self.recorder = Recorder(start_ns=now_ns(), keeps_alive=setting.workload.keeps_alive)
        self.sent = SentMessages(self.contract, self.members, self.recorder)
        self.messages = MessageRecorder(setting, self.members, self.sent, self.recorder)
        self.heard = 0
        """Number of events that all members have received so far."""
        self.answered = 0
        """Number of messages with which conversations have answered so far."""
        self.gave_up = False
        """Whether a wait timed out. If so, do not run another schedule on this server."""
        self.silent_ns = 0
        """The time at which the latest wait ended because no member received anything.

        0 if messages kept arriving late.
        """
        self.background: BackgroundPublishers | None = None
        """Members that go on publishing while another member joins; None for nobody."""
        self._clock_ns = 0
        self._pings = PingProbe(self.members, lambda timeout_s: self._poll(timeout_s))

    # Waiting.

    def wait(self, done: Callable[[], bool], deadline_s: float | None = None, quiet_s: float | None = None) -> bool:
        """Let all members receive until `done` is true; return False on a timeout.

        The wait ends after `deadline_s`, or after `quiet_s` without any event if that is given. Without `deadline_s` it
        ends after half the pool's timeout without any event, and after twice that timeout in any case. So a slow server
        that still sends gets more time than a silent one. Before silence ends it, the server must answer pings. A
        server that was paused for some seconds gets the whole time again after it continues.

        Raises:
            BudgetSpent: the run's time is over. Missing messages may still be on their way.
        """
        limit = Deadline.after(2 * self.setting.timeout_s if deadline_s is None else deadline_s)
        if quiet_s is None:
            quiet_s = self.setting.timeout_s / 2 if deadline_s is None else deadline_s
        quiet, heard, stops = Deadline.after(quiet_s), self.heard, 0
        while not done():
            if limit.passed or quiet.passed:
                if deadline_s is not None or limit.passed:
                    return False
                if self._pings.is_silent() or stops == STOPS:
                    self.silent_ns = now_ns()
                    return False
                limit, quiet = Deadline.after(2 * self.setting.timeout_s), Deadline.after(quiet_s)
                heard, stops = self.heard, stops + 1
                continue
            self._poll(min(SLICE_S, limit.remaining_s))
            if self.heard != heard:
                quiet, heard = Deadline.after(quiet_s), self.heard
        return True

    def settle(self) -> bool:
        """Wait until every member has received all that it expects; False if a message is missing.

        After the first timeout all later waits are short. Members that are leaving get a little time to finish, but
        nothing is expected to reach them.
        """
        if Anomaly.MISSING_LEAVE not in self.setting.known:
            self._wait_for_nobody(lambda member: member.waits)
        else:
            self._wait_for_nobody(lambda member: member.lacks_messages)
            self.wait(lambda: not any(p.waits for p in self.members), GIVEN_UP_S)
        closing_s = GIVEN_UP_S if self.gave_up else CLOSING_S / 2
        self.wait(lambda: not any(self._is_leaving(p) for p in self.members), closing_s)
        return not self.gave_up

    def _wait_for_nobody(self, lacks: Callable[[PoolMember], bool]) -> None:
        """Wait until `lacks` is false for every member. Sets `gave_up` if it stays true for one."""
        silent_ns = self.silent_ns
        if self.wait(lambda: not any(lacks(p) for p in self.members), GIVEN_UP_S if self.gave_up else None):
            return
        self.sent.expect_nothing_unread()
        if any(lacks(p) for p in self.members):
            self.gave_up = True
        else:
            self.silent_ns = silent_ns

    def answers_at_once(self, members: Sequence[PoolMember]) -> bool:
        """Whether the server answers pings of these members at once. True if it answers none.

        Raises:
            BudgetSpent: the run's time is over.
        """
        return self._pings.is_prompt(members)

    def expect_nothing(self) -> None:
        """Stop expecting the missing messages, and use full timeouts again. Messages that still arrive are recorded."""
        for member in self.members:
            member.outstanding.clear()
        self.gave_up = False

    def _poll(self, timeout_s: float) -> None:
        """Receive messages for at most `timeout_s`. Raises BudgetSpent."""
        self.setting.budget.check()
        self.poll_once(timeout_s)

    def poll_once(self, timeout_s: float) -> None:
        """Wait at most `timeout_s` for input, then let every member read what has arrived."""
        if self.background is not None:
            self.background.publish_due()
            timeout_s = min(timeout_s, self.background.wait_s)
        self._receive_all(timeout_s)

    def _receive_all(self, timeout_s: float, outside: HttpConnection | CallInThread | None = None) -> None:
        """Wait at most `timeout_s` for input, of members or of a publication, then let every member read."""
        poll = select.poll()
        if outside is not None:
            poll.register(outside, select.POLLIN)
        listening = [p for p in self.members if not p.closed]
        for member in listening:
            if not (member.stalled or member.is_paused):
                poll.register(member.client, select.POLLIN)
        poll.poll(timeout_s * 1000)
        for member in listening:
            self._listen(member)
            self._wake(member)

    @staticmethod
    def _is_leaving(member: PoolMember) -> bool:
        return bool(member.left_ns) and not member.closed and not member.stalled and not member.misbehaviour

    # Reading.

    def _listen(self, member: PoolMember) -> None:
        client = member.client
        client.receive_nowait()
        times = client.event_times_ns
        answered = self.answered
        for at, event in zip(times, client.take_events(), strict=True):
            # Messages from one read share a timestamp: add 1 ns each, so that their order is kept.
            self._clock_ns = max(at, self._clock_ns + 1)
            self._take(member, event, self._clock_ns)
        if self.answered != answered:
            client.receive_nowait()  # writes the answers
        if client.ended and not member.closed and not client.events:
            member.closed = True
            if member.conversation is not None:
                member.conversation.end(_end_in_words(member.close_code))
            if member.is_connected:
                self.depart(member, Departure.DROPPED)
            client.abort()

    def _take(self, member: PoolMember, event: Event, at: int) -> None:
        self.heard += 1
        self._pings.take(member, event)
        if isinstance(event, CloseReceived):
            member.close_code, member.close_reason = event.code, event.reason
        elif isinstance(event, TextMessage | BinaryMessage):
            self._take_whole(member, event.text if isinstance(event, TextMessage) else event.data, at)

    def _take_whole(self, member: PoolMember, message: str | bytes, at: int) -> None:
        """Take a WebSocket message: all messages of the application that it holds, 1 ns apart."""
        parts = self._understood(message, lambda: self.setting.workload.parts_of(message))
        for number, part in enumerate(parts or ()):
            self._clock_ns = at + number
            self._take_message(member, part, at + number)

    def _understood(self, message: str | bytes, read: Callable[[], Understood]) -> Understood | None:
        """Let the workload read a message; None if it raises over a malformed one.

        Raises:
            WorkloadError: the workload raises, and nobody sends malformed messages.
        """
        try:
            return read()
        except WorkloadError:
            if not any(member.is_fuzzing for member in self.members):
                raise
            self.recorder.ignore(message)
            return None

    def _take_message(self, member: PoolMember, message: str | bytes, at: int) -> None:
        if self.setting.keeps_messages:
            member.received.append(message)
        parsed = self._understood(message, lambda: self.setting.workload.read(member.alias, message))
        if parsed is None:
            return
        was_joining = member.conversation is not None and member.conversation.is_joining
        if self._is_for_the_join(member, message, parsed, at) and parsed.kind is MessageKind.UNEXPECTED:
            self.recorder.ignore(message)
            return
        self.messages.record(member, parsed, message, at, was_joining=was_joining)

    def _is_for_the_join(self, member: PoolMember, message: str | bytes, parsed: Parsed, at: int) -> bool:
        """Pass a message to the member's conversation, and send its answers. True if a wait of `join` took it."""
        conversation = member.conversation
        if conversation is None or not (conversation.is_joining or parsed.needs_answer):
            return False
        reaction = conversation.receive(message, now_ns(), needs_answer=parsed.needs_answer)
        if conversation.is_subscribed and not member.in_ns:
            member.in_ns = member.heard_ns = at
        for answer in reaction.messages:
            self.put(member, answer)
            self.answered += 1
        return reaction.is_awaited

    def _wake(self, member: PoolMember) -> None:
        """Let the conversation of a member act if it is due: a heartbeat, or the end of a wait."""
        conversation = member.conversation
        if conversation is None or conversation.next_ns is None or member.closed or member.stalled or member.is_paused:
            return
        if now_ns() >= conversation.next_ns:
            self._hand_over_all(member, conversation.wake(now_ns()))

    def depart(self, member: PoolMember, departure: Departure) -> None:
        """Record that a member left or was disconnected.

        If the contract promises leave notices, the others in its room expect one from now on.
        """
        member.left_ns, member.departure = now_ns(), departure
        member.outstanding.clear()
        until = member.heard_ns if departure is Departure.DROPPED else member.left_ns
        is_last = not any(
            other.is_connected and other.name == member.name for other in self.members if other is not member
        )
        if self.contract.leaves and member.in_ns and is_last and member.shape is None:
            for other in self.members:
                if other.counts and other is not member and other.in_ns <= until and other.room == member.room:
                    other.outstanding_notices[member.name] += 1

    # Sending.

    def hand_over(self, member: PoolMember, message: str | bytes) -> None:
        """Send a message that is no publication, such as a greeting."""
        self.put(member, message)
        self._listen(member)

    def _hand_over_all(self, member: PoolMember, messages: Iterable[str | bytes]) -> None:
        for message in messages:
            self.hand_over(member, message)

    def put(self, member: PoolMember, message: str | bytes) -> None:
        """Queue a message. It is written the next time that the member reads, and not inside another frame."""
        if member.is_mid_frame:
            member.held_answers.append(message)
            return
        if member.access is not None:
            message = altered_message(message, member.credentials, member.access, member.others_credentials)
        if member.client.peer.may_send:
            member.sent += 1
            if isinstance(message, str):
                member.client.peer.send_text(message)
            else:
                member.client.peer.send_binary(message)

    def send_in_pieces(self, member: PoolMember, pieces: Iterable[bytes]) -> None:
        """Send the pieces of one frame, each in a TCP segment of its own. Answers wait for the end of the frame."""
        member.is_mid_frame = True
        for piece in pieces:
            if member.closed:
                break
            member.client.send_raw(piece)
            self.poll_once(0)
        member.is_mid_frame = False
        answers, member.held_answers = member.held_answers, []
        self._hand_over_all(member, answers)


def _end_in_words(close_code: int | None) -> str:
    return "without a close frame" if close_code is None else f"with close code {close_code}"

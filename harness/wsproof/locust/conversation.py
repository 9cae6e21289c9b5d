"""The conversation of a Locust user: the join of its member, and its heartbeats afterwards."""

from __future__ import annotations

from time import monotonic_ns
from typing import Any, Protocol

import gevent

from wsproof.locust.connection import GeventConnection
from wsproof.locust.run_receiver import RunReceiver
from wsproof.model.nanoseconds import NS
from wsproof.wire import Breach
from wsproof.workloads import Conversation, MessageKind, Workload


class JoiningRun(Protocol):
    """The workload run that the member joins."""

    workload: Workload
    receiver: RunReceiver

    def joined(self, line: GeventConnection, *, is_subscribed: bool) -> None:
        """Take a member that has joined."""

    def not_joined(self, line: GeventConnection, fault: str) -> None:
        """Take a member that could not join; the fault is a clause whose subject is the server."""


class MemberConversation:
    """The listener of a connection until its member has joined.

    None of these methods may block, since they run in the event loop.
    """

    def __init__(self, run: JoiningRun, line: GeventConnection) -> None:
        self._run = run
        self._line = line
        self._talk = Conversation(run.workload, line.member)
        self._is_joining = True
        self._is_stopped = False
        self._alarm: Any = None

    def begin(self) -> None:
        """Begin to join. The connection must not have begun to listen."""
        self._line.listener = self
        self._send(self._talk.start(monotonic_ns()))
        self._go_on()

    def stop(self) -> None:
        """End the conversation: the member has left."""
        self._is_stopped = True
        self._line.listener = self._run.receiver
        self._set_alarm(None)

    # The listener of the connection.

    def hear(self, member: int, frame: bytes, payload: bytes, is_text: bool, now_ns: int) -> int:
        """Take a frame's messages, and return their number.

        A message that the conversation waited for may be unknown to the workload's `read`.
        """
        messages = self._run.workload.parts_of(payload.decode() if is_text else payload)
        for message in messages:
            parsed = self._run.workload.read(member, message)
            reaction = self._talk.receive(message, now_ns)
            self._send(reaction.messages)
            self._go_on()
            if not (reaction.is_awaited and parsed.kind is MessageKind.UNEXPECTED):
                self._run.receiver.hear_message(member, message, now_ns)
        return len(messages)

    def unexpected(self, member: int, text: str, now_ns: int) -> None:
        """Take the description of input that is not a valid message."""
        self._run.receiver.unexpected(member, text, now_ns)

    def breach(self, member: int, breach: Breach) -> None:
        """Take a protocol violation of a server frame."""
        self._run.receiver.breach(member, breach)

    def interval(self, row: tuple[int, int, int, int]) -> None:
        """Take messages that were read together."""
        self._run.receiver.interval(row)

    def queued(self, row: tuple[int, int, int]) -> None:
        """Take a large read."""
        self._run.receiver.queued(row)

    def ended(self, member: int, close_code: int | None) -> None:
        """Take the end of the connection: the member cannot join."""
        self._talk.end("without a close frame" if close_code is None else f"with close code {close_code}")
        self._go_on()

    def crashed(self, member: int, fault: Exception) -> None:
        """Take a crash of the connection's own code."""
        self._run.receiver.crashed(member, fault)

    # Internals.

    def _go_on(self) -> None:
        """Note the end of the join, if it has ended, and set the alarm for the next step."""
        conversation = self._talk
        if self._is_joining and not conversation.is_joining:
            self._is_joining = False
            self._line.listener = self._run.receiver
            if conversation.fault:
                self._run.not_joined(self._line, conversation.fault)
            else:
                self._run.joined(self._line, is_subscribed=conversation.is_subscribed)
        self._set_alarm(None if self._is_stopped else conversation.next_ns)

    def _set_alarm(self, at_ns: int | None) -> None:
        if self._alarm is not None:
            self._alarm.stop()
            self._alarm.close()
            self._alarm = None
        if at_ns is not None:
            self._alarm = gevent.get_hub().loop.timer(max(0.0, (at_ns - monotonic_ns()) / NS))
            self._alarm.start(self._ring)

    def _ring(self) -> None:
        try:
            self._send(self._talk.wake(monotonic_ns()))
            self._go_on()
        except Exception as fault:  # noqa: BLE001 - otherwise a crash would be a line on stderr and a silent member
            self._line.abort()
            self._run.receiver.crashed(self._line.member, fault)

    def _send(self, messages: tuple[str | bytes, ...]) -> None:
        for message in messages:
            self._line.send(message)

"""Flood tests: very many fragments, and fragments without content."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

from wsproof.conformance.endpoint_profile import Message, MessageEvents, is_application_code
from wsproof.conformance.properties.accepted_messages import LongMessage, long_message
from wsproof.conformance.robustness.context import RobustnessContext
from wsproof.conformance.robustness.definition import RobustnessOutcome, RobustnessTest
from wsproof.model.suite import Figure
from wsproof.net.client import Client
from wsproof.wire import MASK, CloseCode, CloseReceived, Ended, Event, Frame, Opcode, PingReceived, PongReceived

__all__ = ["TESTS"]

_SLICES = 20
"""Number of parts in which the client sends a flood."""
_LAST = b"flood-over"
_READ = b"flood-read"
_LINGER_S = 0.5
"""Least time in seconds for an application that ends the connection after its pong."""
_HELD_A_FRAGMENT = 60.0
"""Bytes of memory that an empty fragment may take: ten times its size on the wire."""


@dataclass(frozen=True, slots=True)
class _Flood:
    """A message of `count` fragments of `size` bytes, sent for rule `name`."""

    name: str
    count: int
    size: int


def _fragments(context: RobustnessContext, *, name: str, count: int, size: int) -> RobustnessOutcome:
    """Send one message of `count` fragments of `size` bytes. It must arrive, or be refused with a close code."""
    outcome = RobustnessOutcome(connections=1)
    if _flood(context, outcome, name, count, size, is_paced=False):
        # The client's pong was queued behind the flood and arrived too late for the server's heartbeat.
        outcome = RobustnessOutcome(connections=2)
        outcome.note("the server's heartbeat closed a client that sent everything at once: this client waits for pongs")
        _flood(context, outcome, name, count, size, is_paced=True)
    if not context.all_served():
        outcome.report_violation(
            "served-despite-flood", "other clients to be served", f"{_describe_flood(count, size)} stopped it"
        )
    return outcome


def _flood(
    context: RobustnessContext, outcome: RobustnessOutcome, name: str, count: int, size: int, *, is_paced: bool
) -> bool:
    """Send such a message and check the outcome.

    Returns whether the server's heartbeat closed the connection instead.
    """
    long = long_message(context.profile, count, size)
    with context.client(max_message_bytes=1 << 26) as client:
        if not _send_flood(context, outcome, client, long, _Flood(name, count, size), is_paced=is_paced):
            return False
        if not is_paced and _was_cut_by_heartbeat(client):
            return True
        if long.whole is None:
            # The message was not ended, so the application received nothing.
            lacking = "not checked: this endpoint is not known to accept such a message"
            outcome.lacking = "" if outcome.violations else lacking
            return False
        _check_outcome(outcome, client, name, context.profile.reply_to(long.whole), _describe_flood(count, size))
    if outcome.violations and not _accepts_in_one_frame(context, long.whole):
        outcome.violations.clear()
        outcome.lacking = "this endpoint does not accept such a message in one frame either"
    return False


def _send_flood(
    context: RobustnessContext,
    outcome: RobustnessOutcome,
    client: Client,
    long: LongMessage,
    flood: _Flood,
    *,
    is_paced: bool,
) -> bool:
    """Send the message and wait for the outcome. False if another client was not served meanwhile."""
    count, size = flood.count, flood.size
    outcome.lines.append(f"-> a message of {count:,} fragments of {size} bytes, and a last one of {len(long.last)}")
    before = context.meter.private_bytes() if context.meter is not None else None
    step = -(-count // _SLICES)
    for number in range(_SLICES):
        context.budget.check()
        client.send_raw(b"".join(long.fragments[number * step : (number + 1) * step]))
        client.receive_nowait()
        if is_paced and not client.ended:
            _wait_read(context, client)
        if number % 5 == 4 and not context.bystander_served():
            served = f"after {number * step:,} fragments of a message, another client got no answer to a ping"
            outcome.report_violation("served-despite-flood", "other clients to be served", served)
            return False
    if not client.ended:
        _measure_memory(context, outcome, client, flood.name, before, count)
    if long.whole is None:
        return True
    if not client.ended and not _has_close(client):
        client.send_raw(long.end() + Frame(Opcode.PING, _LAST, mask=MASK).encode())
    reply = context.profile.reply_to(long.whole)

    def is_over(event: Event) -> bool:
        answered = _is_pong(event) if reply is None else MessageEvents.message(event) is not None
        return answered or isinstance(event, CloseReceived)

    context.wait_busy(client, is_over)
    return True


def _wait_read(context: RobustnessContext, client: Client) -> None:
    """Wait until the server answers a ping behind the sent bytes, so that it has read them."""
    client.send_raw(Frame(Opcode.PING, _READ, mask=MASK).encode())
    context.wait_busy(client, lambda event: isinstance(event, PongReceived | CloseReceived))


def _accepts_in_one_frame(context: RobustnessContext, message: Message) -> bool:
    """Whether the endpoint accepts the same message in one frame. If not, the fragments are not the reason."""
    begun = time.monotonic()
    with context.client(max_message_bytes=1 << 26) as client:
        client.peer.send_frame(Frame(message.opcode, message.payload))
        client.peer.send_frame(Frame(Opcode.PING, _LAST))
        client.flush()
        reply = context.profile.reply_to(message)
        if reply is not None:
            return context.wait_busy(client, lambda event: MessageEvents.message(event) == reply)
        if not context.wait_busy(client, _is_pong):
            return False
        # The pong may have overtaken the application, which may end the connection a moment later.
        linger_s = context.budget.at_most(max(_LINGER_S, time.monotonic() - begun))
        return client.wait_event(lambda event: isinstance(event, CloseReceived | Ended), linger_s) is None


def _measure_memory(
    context: RobustnessContext, outcome: RobustnessOutcome, client: Client, name: str, before: int | None, count: int
) -> None:
    """Measure the memory that the server holds for the fragments once it has read them all."""
    client.send_raw(Frame(Opcode.PING, b"flooded", mask=MASK).encode())
    context.wait_busy(client, lambda event: isinstance(event, PongReceived | CloseReceived))
    after = context.meter.private_bytes() if context.meter is not None else None
    if before is None or after is None or name != "empty-fragments":
        return
    held = (after - before) / count
    outcome.figures.append(Figure("memory held", max(0.0, held), "B a fragment"))
    if held >= _HELD_A_FRAGMENT:
        actual = f"the server held {(after - before) / 1e6:.1f} MB for {count:,} empty fragments"
        outcome.report_violation("empty-fragments-memory", "empty fragments to take no memory", actual)


def _check_outcome(outcome: RobustnessOutcome, client: Client, name: str, reply: Message | None, flood: str) -> None:
    messages = [message for message in map(MessageEvents.message, client.events) if message is not None]
    close = next((event for event in client.events if isinstance(event, CloseReceived)), None)
    expected = "the message to arrive whole, or to be refused with a fitting close code"
    if close is not None:
        outcome.lines.append(f"<- a close frame with code {close.code}")
        if close.code in (None, 1011) or not is_application_code(close.code):
            outcome.report_violation(name, expected, f"{flood} ended in a close frame with code {close.code}")
        return
    if reply is not None and messages:
        outcome.lines.append(f"<- {messages[0].describe()}")
        if messages[0] != reply:
            outcome.report_violation(name, expected, f"of {flood}, {messages[0].describe()} came back")
        return
    if reply is None and any(_is_pong(event) for event in client.events):
        return
    how = "TCP ended without a close frame" if client.ended else "the server sent nothing more"
    outcome.report_violation(name, expected, f"after {flood} {how}")


def _is_pong(event: Event) -> bool:
    return isinstance(event, PongReceived) and event.payload == _LAST


def _was_cut_by_heartbeat(client: Client) -> bool:
    """Whether the server may have closed over a missed pong: it sent a ping, then closed as servers do in that case."""
    pinged = any(isinstance(event, PingReceived) for event in client.events)
    codes = [event.code for event in client.events if isinstance(event, CloseReceived)]
    return pinged and (codes[0] == CloseCode.INTERNAL_ERROR if codes else client.ended)


def _has_close(client: Client) -> bool:
    return any(isinstance(event, CloseReceived) for event in client.events)


def _describe_flood(count: int, size: int) -> str:
    return f"a message of {count:,} fragments of {size} bytes" if size else f"a message of {count:,} empty fragments"


def _held(context: RobustnessContext) -> RobustnessOutcome:
    return _fragments(context, name="empty-fragments", count=100_000, size=0)


TESTS: tuple[RobustnessTest, ...] = (
    RobustnessTest("many-fragments", partial(_fragments, name="many-fragments", count=10_000, size=1)),
    RobustnessTest("empty-fragments", _held),
)

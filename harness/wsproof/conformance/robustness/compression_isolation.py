"""The compression isolation test: several clients compress at once, each with a window of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from wsproof.conformance.endpoint_profile import Message, MessageEvents
from wsproof.conformance.exchange.login import log_in
from wsproof.conformance.properties.deflate_builders import declines_all, usual_offer
from wsproof.conformance.robustness.context import RobustnessContext
from wsproof.conformance.robustness.definition import RobustnessOutcome, RobustnessTest
from wsproof.net.client import Client
from wsproof.wire import CloseReceived, Event, Opcode, PongReceived, State

__all__ = ["TESTS"]

_KEY = "d3Nwcm9vZi1iZXNpZGUhIQ=="
_CLIENTS = 4
_ROUNDS = 4
_LETTERS = 64


def _side_by_side(context: RobustnessContext) -> RobustnessOutcome:
    """Run four clients that each repeat their own text in every round, so that each refers back to its own window."""
    outcome = RobustnessOutcome(connections=_CLIENTS)
    if absent := declines_all(context.profile):
        outcome.lacking = absent
        return outcome
    most = context.profile.most_messages
    if not context.profile.has_messages or (most is not None and most < _ROUNDS):
        outcome.lacking = "not checked: it needs messages that this endpoint is not known to accept"
        return outcome
    outcome.lines.append(f"-> {_CLIENTS} clients send {_ROUNDS} compressed texts each, in turns")
    if not (wrong := _send_in_turns(context, range(_CLIENTS))):
        return outcome
    outcome.note(wrong)
    if any(_send_in_turns(context, [number]) for number in range(_CLIENTS)):
        outcome.lacking = "the server does not understand a single compressing client either"
    else:
        outcome.report_violation(
            "deflate-isolation", "each client to get the answers that it gets when it is alone", wrong
        )
    return outcome


def _message_of(context: RobustnessContext, number: int) -> Message:
    """The client's message: the sample, or digits and letters that no JSON encoder would change."""
    if context.profile.sample is not None:
        return context.profile.sample
    text = hashlib.sha256(bytes([number])).hexdigest()
    return Message(Opcode.BINARY if context.profile.is_binary_only else Opcode.TEXT, text.encode())


def _send(client: Client, message: Message) -> None:
    if message.opcode == Opcode.TEXT:
        client.send_text(message.payload.decode())
    else:
        client.send_binary(message.payload)
    client.send_ping(message.payload[:_LETTERS])


def _send_in_turns(context: RobustnessContext, numbers: Sequence[int]) -> str:
    """Let these clients send in turns. Returns the failure as a clause; empty if there is none."""
    offer = usual_offer(context.profile)
    assert offer is not None
    request = replace(context.endpoint.request(_KEY), extensions=(offer,))
    deadline_s = context.budget.at_most(context.deadline_s)
    with ExitStack() as stack:
        clients = [
            stack.enter_context(Client(context.endpoint, deadline_s=deadline_s, request=request)) for _ in numbers
        ]
        for client in clients:
            client.open()
            log_in(client, context.profile, deadline_s)
            client.take_events()
        for _ in range(_ROUNDS):
            messages = [_message_of(context, number) for number in numbers]
            for number, client, message in zip(numbers, clients, messages, strict=True):
                if client.peer.state is not State.OPEN:
                    return f"client {number + 1} got the end of its connection"
                _send(client, message)
            for number, client, message in zip(numbers, clients, messages, strict=True):
                if wrong := _wrong_answer(context, client, message):
                    return f"client {number + 1} {wrong}"
    return ""


def _wrong_answer(context: RobustnessContext, client: Client, sent: Message) -> str:
    """Return why a client did not get its answer; empty if it did.

    The answer is the echoed message, or the pong behind it if the endpoint does not echo.
    """
    reply = context.profile.reply_to(sent) if context.profile.sample is None else None

    def is_answer(event: Event) -> bool:
        is_pong = isinstance(event, PongReceived) and event.payload == sent.payload[:_LETTERS]
        return is_pong if reply is None else MessageEvents.message(event) == reply

    def is_damaged(event: Event) -> bool:
        # A message as long as the expected one, without any client's text. A room may relay other clients' texts and
        # joins.
        message = MessageEvents.message(event)
        if message is None or reply is None or message == reply or len(message.payload) != len(reply.payload):
            return False
        return not any(_message_of(context, number).payload in message.payload for number in range(_CLIENTS))

    found = client.wait_event(lambda event: isinstance(event, CloseReceived) or is_answer(event) or is_damaged(event))
    client.take_events()
    if found is None:
        return "got the end of TCP" if client.ended else "got no answer to its message"
    if isinstance(found, CloseReceived):
        return f"got a close frame with code {found.code}"
    return "" if is_answer(found) else "got another message than the one that it sent"


TESTS: tuple[RobustnessTest, ...] = (RobustnessTest("deflate-isolation", _side_by_side),)

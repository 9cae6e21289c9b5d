"""The login: what an endpoint expects first on every connection."""

from __future__ import annotations

from collections.abc import Callable

from wsproof.conformance.endpoint_profile import EndpointProfile, Message, MessageEvents
from wsproof.model.nanoseconds import NS
from wsproof.net.client import Client
from wsproof.net.clock import Deadline, now_ns
from wsproof.wire import BinaryMessage, CloseReceived, Ended, Frame, PongReceived, TextMessage
from wsproof.workloads import Conversation, Opening

__all__ = ["join_of", "log_in"]

_DONE = b"wsproof-login"


def log_in(client: Client, profile: EndpointProfile, timeout_s: float) -> bool:
    """Do the profile's login, if it has one, and wait until it is done. False if the server does not answer.

    The login is done when as many messages have arrived as in the probe, followed by the pong. Some endpoints send a
    greeting, so their first message may arrive before the login is sent. If the login is the join of a channel, the
    join must also be complete.
    """
    if not profile.has_login:
        return True
    for message in profile.login:
        client.peer.send_frame(Frame(message.opcode, message.payload))
    if profile.joins is not None and not _join(client, profile.joins, timeout_s):
        return False
    client.send_ping(_DONE)

    def is_done() -> bool:
        messages = sum(MessageEvents.message(event) is not None for event in client.events)
        ponged = any(isinstance(event, PongReceived) and event.payload == _DONE for event in client.events)
        return ponged and messages >= profile.login_replies

    client.wait_event(lambda event: is_done() or isinstance(event, CloseReceived), timeout_s)
    return is_done()


def join_of(profile: EndpointProfile) -> Callable[[Client, float], object] | None:
    """Return a function that joins the channel of this profile within a timeout in seconds; None if there is none."""
    opening = profile.joins
    return None if opening is None else lambda client, timeout_s: _join(client, opening, timeout_s)


def _join(client: Client, opening: Opening, timeout_s: float) -> bool:
    """Join as a member of the channel does. False if the join is not complete within the timeout."""
    conversation, deadline = opening.conversation(), Deadline.after(timeout_s)
    _send(client, conversation.start(now_ns()))
    while conversation.is_joining and not deadline.passed:
        event = client.wait_event(
            lambda event: isinstance(event, TextMessage | BinaryMessage | CloseReceived | Ended),
            min(_until(conversation), deadline.remaining_s),
        )
        if event is None:
            conversation.wake(now_ns())
        elif isinstance(event, TextMessage | BinaryMessage):
            for message in opening.parts_of(event.text if isinstance(event, TextMessage) else event.data):
                reaction = conversation.receive(message, now_ns(), needs_answer=opening.needs_answer(message))
                _send(client, reaction.messages)
        else:
            break
        if client.ended:
            break
    return conversation.is_joined


def _until(conversation: Conversation) -> float:
    """Seconds until the conversation has to be woken; never negative."""
    return max((conversation.next_ns or 0) - now_ns(), 0) / NS


def _send(client: Client, messages: tuple[str | bytes, ...]) -> None:
    """Send messages uncompressed: the scripts expect an empty compression window."""
    for content in messages:
        message = Message.of(content)
        client.peer.send_frame(Frame(message.opcode, message.payload))
    client.flush()

"""The login: messages that an endpoint expects first on every connection."""

from __future__ import annotations

from wsproof.conformance.endpoint_profile import EndpointProfile, MessageEvents
from wsproof.net.client import Client
from wsproof.wire import CloseReceived, Frame, PongReceived

__all__ = ["log_in"]

_DONE = b"wsproof-login"


def log_in(client: Client, facts: EndpointProfile, timeout_s: float) -> bool:
    """Send the profile's login, if it has one, and wait until it is done. False if the server does not answer.

    The login is done when as many messages have come as in the probe, and the pong behind them. Some endpoints send a
    greeting, so their first message may have come before the login was sent.
    """
    if not facts.login:
        return True
    for message in facts.login:
        client.peer.send_frame(Frame(message.opcode, message.payload))
    client.send_ping(_DONE)

    def is_done() -> bool:
        messages = sum(MessageEvents.message(event) is not None for event in client.events)
        ponged = any(isinstance(event, PongReceived) and event.payload == _DONE for event in client.events)
        return ponged and messages >= facts.login_replies

    client.wait_event(lambda event: is_done() or isinstance(event, CloseReceived), timeout_s)
    return is_done()

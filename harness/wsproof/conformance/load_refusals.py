"""Refusals of handshakes because of load (429, 503), which say nothing about the handshake itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from wsproof.conformance.exchange.transcript import Transcript
from wsproof.conformance.oracle.frames import Expectation
from wsproof.conformance.oracle.handshake import HandshakeAnswer, HandshakeExpectation
from wsproof.conformance.script import Script

__all__ = ["Result", "is_refused_for_load", "with_room"]

Result: TypeAlias = tuple[HandshakeExpectation, Expectation, Transcript]
"""The expected and the actual outcome of a script."""

PLAIN = Script("opening-accepted")
_STATUSES = (429, 503)
"""Statuses with which a server refuses clients because of its load."""
_PAUSES_S = (0.3, 1.2, 3.0)
"""Seconds before each retry. A limit of handshakes per second has room after the second pause."""


def with_room(
    run: Callable[[Script], Result],
    conversation: Script,
    wait_for_room: Callable[[], None],
    pause: Callable[[float], None],
) -> Result | None:
    """Run a script, and retry it while the server refuses it with the status of a server that is full.

    A server may also answer so because of the script's content. So a refusal that remains after all pauses counts if
    a plain handshake is accepted beside it. None: plain handshakes are refused as well.
    """
    result = run(conversation)
    for pause_s in _PAUSES_S:
        if not is_refused_for_load(result):
            return result
        if is_refused_for_load(run(PLAIN)):
            wait_for_room()
        pause(pause_s)
        result = run(conversation)
    return None if is_refused_for_load(result) and is_refused_for_load(run(PLAIN)) else result


def is_refused_for_load(result: Result) -> bool:
    """Whether the server refused a handshake that it may accept, because of its load."""
    greeting, _, transcript = result
    may_accept = greeting.answer is not HandshakeAnswer.REFUSE
    return may_accept and transcript.response is not None and transcript.response.status in _STATUSES

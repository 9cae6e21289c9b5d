"""Refusals of handshakes because of load (429, 503), which say nothing about the handshake itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from wsproof.conformance.exchange.transcript import Transcript
from wsproof.conformance.oracle.frames import Expectation
from wsproof.conformance.oracle.handshake import HandshakeAnswer, HandshakeExpectation
from wsproof.conformance.script import Script
from wsproof.net.handshake_retries import PAUSES_S
from wsproof.wire.refusal import LOAD_STATUSES

__all__ = ["ScriptResult", "is_refused_for_load", "retry_while_full"]

ScriptResult: TypeAlias = tuple[HandshakeExpectation, Expectation, Transcript]
"""The expected and the actual outcome of a script."""

PLAIN = Script("opening-accepted")


def retry_while_full(
    run: Callable[[Script], ScriptResult],
    script: Script,
    wait_until_accepting: Callable[[], None],
    pause: Callable[[float], None],
) -> ScriptResult | None:
    """Run a script, and retry it while the server refuses it with the status of an overloaded server.

    The server may also refuse the script because of its content. So a refusal that remains after all pauses counts if
    the server accepts a plain handshake at that time. None: it refuses plain handshakes as well.
    """
    result = run(script)
    for pause_s in PAUSES_S:
        if not is_refused_for_load(result):
            return result
        if is_refused_for_load(run(PLAIN)):
            wait_until_accepting()
        pause(pause_s)
        result = run(script)
    return None if is_refused_for_load(result) and is_refused_for_load(run(PLAIN)) else result


def is_refused_for_load(result: ScriptResult) -> bool:
    """Whether the server refused a handshake that it could have accepted, because of its load."""
    handshake, _, transcript = result
    may_accept = handshake.answer is not HandshakeAnswer.REFUSE
    return may_accept and transcript.response is not None and transcript.response.status in LOAD_STATUSES

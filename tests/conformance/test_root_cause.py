"""Tests of the first control run for every violation, by a client that does nothing unusual."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.exchange.timeouts import AnswerKind
from wsproof.conformance.exchange.transcript import Transcript
from wsproof.conformance.oracle.frames import expect_frames
from wsproof.conformance.oracle.handshake import expect_answer
from wsproof.conformance.properties.property import MASK, script_of
from wsproof.conformance.script import Handshake, Script
from wsproof.conformance.session import Session
from wsproof.conformance.suite import PROPERTIES
from wsproof.conformance.verify.cases import Cases
from wsproof.conformance.verify.root_cause import PLAIN_CLIENT, simpler
from wsproof.conformance.verify.violations import RuleViolation, verify
from wsproof.wire import CloseReceived, Frame, Opcode, Request, Response

_FACTS = EndpointProfile("", True, False, 1024)
_DROPPED = RuleViolation("opening-accepted", "the connection to stay open", "it ended TCP")


@pytest.mark.parametrize(
    "script",
    [
        Script("opening-accepted"),
        Script("extra-headers", handshake=Handshake(headers=(("X-Other", "1"),))),
        script_of("deflate-blocks", Frame(Opcode.TEXT, b"a", rsv=4, mask=MASK)),
    ],
)
def test_the_first_control_is_a_client_that_does_nothing_unusual(script: Script) -> None:
    assert next(simpler(script, _FACTS)) == PLAIN_CLIENT


def test_a_new_client_that_is_dropped_after_its_101_is_reported_as_not_served() -> None:
    usual = Request("example.org", "/", "d3Nwcm9vZi1yZmM2NDU1IQ==")
    handshake = expect_answer(PLAIN_CLIENT.handshake.apply(usual), usual)
    transcript = Transcript(response=Response(101), ended=True)
    (violation,) = verify(PLAIN_CLIENT, handshake, expect_frames(PLAIN_CLIENT, _FACTS), _FACTS, transcript)
    assert violation.rule == "other-clients-served"
    assert violation.expected.startswith("a new client to be served as the first one was")
    assert violation.got == "it ended TCP"


@pytest.mark.parametrize(
    ("awaited", "code", "cause"),
    [
        (None, None, "other-clients-served"),
        (None, 1011, "other-clients-served"),
        (None, 1008, "opening-accepted"),
        (None, 4429, "opening-accepted"),
        (AnswerKind.MESSAGE, None, "opening-accepted"),
    ],
)
def test_only_a_dropped_connection_shows_that_new_clients_are_not_served(
    awaited: AnswerKind | None, code: int | None, cause: str
) -> None:
    """The server may be slow if an answer only took too long, and may limit its clients if it closes with a code."""
    cases = Cases(_FACTS)
    cases.note(Script("opening-accepted"), _DROPPED, Transcript())
    plain = RuleViolation(PLAIN_CLIENT.subject, "a new client to be served", "it ended TCP", awaited)
    transcript = Transcript(ended=True, close=CloseReceived(code, "") if code is not None else None)
    session: Any = SimpleNamespace(
        cases=cases,
        profile=_FACTS,
        _run_script=lambda script: (transcript, [plain] if script == PLAIN_CLIENT else []),
        _found_cause=lambda name, script, violation, transcript: cases.move(name, script, violation, transcript),
        _is_segmentation=lambda name: False,
    )
    assert Session._has_simpler_cause(session, "opening-accepted") is (cause == "other-clients-served")
    assert cases.cause_of("opening-accepted") == cause


def test_the_check_of_resets_uses_its_own_scripts() -> None:
    (own,) = (cause for cause in PROPERTIES if cause.name == PLAIN_CLIENT.subject)
    assert own.edges is not None
    assert PLAIN_CLIENT not in list(own.edges(_FACTS))


def test_a_ping_between_compressed_fragments_is_tried_without_cuts_before_segments_count_as_the_cause() -> None:
    """Model wsproto, which stops inflating at such a ping. An earlier version reported TCP segments as the cause."""
    profile = EndpointProfile("", True, True, 1024, agreements=(("permessage-deflate", "permessage-deflate"),))
    ping = Frame(Opcode.PING, mask=MASK)
    start, end = Frame(Opcode.TEXT, fin=False, rsv=4, mask=MASK), Frame(Opcode.CONTINUATION, b"\0", mask=MASK)
    offer = Handshake(extensions=("permessage-deflate",))
    for frames, is_tried in (((start, ping, end), True), ((ping, start, end), False)):
        script = replace(script_of("deflate-segmentation", *frames, cuts=(1,)), handshake=offer, deflate=True)
        assert script.deflate
        causes = [cause for cause in simpler(script, profile) if cause.subject == "deflate-control-frames"]
        assert causes == ([replace(script, subject="deflate-control-frames", cuts=())] if is_tried else [])

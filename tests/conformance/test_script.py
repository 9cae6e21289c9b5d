"""Tests that a script is data, and that JSON preserves all of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.script import Await, Handshake, Raw, Script, ScriptEnd, SendFrame
from wsproof.conformance.suite import PROPERTIES
from wsproof.wire import Frame, LengthForm

_FACTS = EndpointProfile(prefix="", binary=True, deflate=True, largest_bytes=70_000)
_DRAWN = [tested.strategy(_FACTS) for tested in PROPERTIES if tested.strategy is not None]


@given(st.one_of(_DRAWN))
@settings(max_examples=200, database=None, deadline=None)
def test_every_generated_script_survives_json(script: Script) -> None:
    assert Script.from_json(json.loads(json.dumps(script.to_json()))) == script


# A server that never closes breaks another rule before this one: both are one finding.
_SUBJECTS = {"close-in-message-legal": "close-between-fragments"}


def test_every_edge_survives_json_and_is_about_its_own_rule() -> None:
    for tested in PROPERTIES:
        for script in tested.edges(_FACTS) if tested.edges is not None else ():
            assert script.subject == _SUBJECTS.get(tested.name, tested.name)
            assert Script.from_json(json.loads(json.dumps(script.to_json()))) == script


def test_a_long_payload_is_short_in_json() -> None:
    unusual = Frame(1, b"ab" * 40_000, fin=False, rsv=4, length_form=LengthForm.BITS64, declared_length=1 << 63)
    script = Script("x", (SendFrame(unusual), Await(), Raw(b"\x00")), ScriptEnd.RESET, (3,), Handshake(omit=("Host",)))
    text = json.dumps(script.to_json())
    assert len(text) < 500
    assert Script.from_json(json.loads(text)) == script


def test_an_invalid_script_is_refused() -> None:
    with pytest.raises(ValueError, match="an action is"):
        Script.from_json(Script("x").to_json() | {"actions": [{"shout": 1}]})

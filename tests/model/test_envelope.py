from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsproof import Envelope, open_envelope
from wsproof.model.envelope import TRAILER_BYTES, body_of, find_envelope

ENVELOPES = st.builds(Envelope, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1))
SEALED = Envelope(7, 42, 123_456_789).seal("hello").encode()


@given(ENVELOPES, st.text(), st.text())
def test_an_envelope_is_found_after_any_prefix_of_the_server(envelope: Envelope, body: str, prefix: str) -> None:
    message = (prefix + envelope.seal(body)).encode()
    opened = open_envelope(message)
    assert opened is not None
    assert opened.envelope == envelope
    assert opened.intact
    assert message[opened.start : -TRAILER_BYTES] == body.encode()


@given(ENVELOPES, st.text(), st.text(st.characters(codec="utf-8", exclude_characters="~")))
def test_an_envelope_with_text_after_it_is_found(envelope: Envelope, body: str, suffix: str) -> None:
    opened = find_envelope(f'{{"text": "{envelope.seal(body)}"{suffix}'.encode())
    assert opened is not None
    assert (opened.envelope, opened.intact) == (envelope, True)


@pytest.mark.parametrize("plain_ascii", [True, False])
@given(ENVELOPES, st.text())
def test_an_envelope_survives_json(plain_ascii: bool, envelope: Envelope, body: str) -> None:
    wire = json.dumps({"text": envelope.seal(body)}, ensure_ascii=plain_ascii)
    opened = open_envelope(json.loads(wire)["text"])
    assert opened is not None
    assert (opened.envelope, opened.intact) == (envelope, True)


def test_an_envelope_in_escaped_json_is_not_intact() -> None:
    wire = json.dumps({"text": Envelope(1, 2, 3).seal('say "hello"\nand go')}).encode()
    opened = find_envelope(wire)
    assert opened is not None
    assert not opened.intact


@pytest.mark.parametrize("at", range(len(SEALED)))
def test_one_flipped_bit_anywhere_is_detected(at: int) -> None:
    damaged = bytearray(SEALED)
    damaged[at] ^= 1
    opened = open_envelope(bytes(damaged))
    assert opened is None or not opened.intact


@pytest.mark.parametrize("at", range(len(SEALED)))
def test_a_truncated_message_is_never_intact(at: int) -> None:
    for part in (SEALED[:at], SEALED[at + 1 :] if at < 5 else SEALED[:at]):
        opened = open_envelope(part)
        assert opened is None or not opened.intact


def test_a_message_without_an_envelope_has_none() -> None:
    for payload in (b"", b"You: hello", b"x" * TRAILER_BYTES, b"~w1" + b"g" * (TRAILER_BYTES - 3)):
        assert open_envelope(payload) is None
        assert find_envelope(payload) is None


def test_the_trailer_is_51_bytes_of_ascii() -> None:
    trailer = Envelope(2**32 - 1, 2**32 - 1, 2**64 - 1).seal_bytes(b"")
    assert len(trailer) == TRAILER_BYTES == 51
    assert trailer.isascii()


@pytest.mark.parametrize("size", [0, 50, 51, 52, 120, 4096])
def test_a_body_makes_the_message_as_long_as_requested(size: int) -> None:
    assert len(Envelope(0, 0, 0).seal(body_of(size))) == max(size, TRAILER_BYTES)

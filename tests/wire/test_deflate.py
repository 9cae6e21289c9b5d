"""Tests of permessage-deflate: the negotiated parameters are used, and too large output is stopped."""

from __future__ import annotations

import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.conversations import an_open_peer, rules_of
from wsproof.wire import (
    BinaryMessage,
    DeflateAgreement,
    Deflater,
    Frame,
    Inflater,
    MessageDropped,
    Opcode,
    TextMessage,
)

LIMIT = 1 << 20
bits = st.integers(8, 15)
# Distances of repetitions, below and above every window size.
messages = st.lists(
    st.one_of(
        st.binary(max_size=50),
        st.builds(lambda seed, size: random.Random(seed).randbytes(size) * 2, st.integers(0, 3), st.integers(1, 3000)),
    ),
    max_size=5,
)


def mirror(agreement: DeflateAgreement) -> DeflateAgreement:
    """Return the agreement from the other side: an Inflater with it reads what our Deflater writes."""
    return DeflateAgreement(
        server_no_context_takeover=agreement.client_no_context_takeover,
        server_max_window_bits=agreement.client_max_window_bits,
    )


def inflated(inflater: Inflater, *fragments: bytes, limit: int = LIMIT) -> bytes | str:
    inflater.start_message()
    out = b""
    for at, fragment in enumerate(fragments):
        piece = inflater.inflate(fragment, final=at == len(fragments) - 1, limit_bytes=limit)
        if isinstance(piece, str):
            return piece
        out += piece
    return out


@given(messages, bits, st.booleans(), st.integers(0, 400))
def test_a_deflated_message_inflates_within_the_agreed_window(
    payloads: list[bytes], window: int, reset: bool, cut: int
) -> None:
    agreement = DeflateAgreement(client_no_context_takeover=reset, client_max_window_bits=window)
    deflater, inflater = Deflater(agreement), Inflater(mirror(agreement))
    for payload in payloads:
        data = deflater.deflate(payload)
        assert inflated(inflater, data[:cut], data[cut:]) == payload


def payload_with_far_repetition(distance: int) -> tuple[bytes, bytes]:
    """Return a payload whose second half repeats its first, and its compression with the largest window."""
    payload = random.Random(1).randbytes(distance) * 2
    compressor = zlib.compressobj(wbits=-15)
    return payload, (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


@pytest.mark.parametrize("window", range(8, 15))
def test_a_server_that_exceeds_the_agreed_window_is_reported(window: int) -> None:
    # 100 bytes beyond the window. An inflater with larger pieces of output would accept this distance.
    payload, data = payload_with_far_repetition((1 << window) + 100)
    assert inflated(Inflater(DeflateAgreement()), data) == payload
    answer = inflated(Inflater(DeflateAgreement(server_max_window_bits=window)), data)
    assert isinstance(answer, str)
    assert "distance" in answer


@pytest.mark.parametrize("window", range(9, 16))
def test_a_repetition_inside_the_window_is_inflated(window: int) -> None:
    payload, data = payload_with_far_repetition((1 << window) - 300)
    assert inflated(Inflater(DeflateAgreement(server_max_window_bits=window)), data) == payload


def test_a_block_with_bfinal_ends_neither_the_message_nor_the_window() -> None:
    phrase = b"the quick brown fox jumps over the lazy dog " * 3

    def with_bfinal(payload: bytes, window: bytes) -> bytes:
        compressor = zlib.compressobj(wbits=-15, zdict=window)
        return compressor.compress(payload) + compressor.flush(zlib.Z_FINISH) + b"\x00"

    inflater = Inflater(DeflateAgreement())
    assert inflated(inflater, with_bfinal(phrase, b"")) == phrase
    assert inflated(inflater, with_bfinal(phrase + b"!", phrase)) == phrase + b"!"
    assert inflated(inflater, with_bfinal(b"a", b"")[:-1] + with_bfinal(b"b", b"")) == b"ab"
    # The example of RFC 7692 7.2.3.4, at once and byte by byte.
    example = bytes.fromhex("f348cdc9c9070000")
    assert inflated(inflater, example) == b"Hello"
    assert inflated(inflater, *(bytes((byte,)) for byte in example)) == b"Hello"


def test_the_examples_of_rfc_7692_are_inflated() -> None:
    inflater = Inflater(DeflateAgreement())
    assert inflated(inflater, bytes.fromhex("f248cdc9c90700")) == b"Hello"
    assert inflated(inflater, bytes.fromhex("f200110000")) == b"Hello", "7.2.3.2: context takeover"
    assert inflated(inflater, bytes.fromhex("000500faff48656c6c6f00")) == b"Hello", "7.2.3.3: stored"
    assert inflated(inflater, bytes.fromhex("f248050000 00ffffcac9c90700")) == b"Hello", "7.2.3.5: two blocks"
    assert inflated(inflater, b"\x00") == b""


def test_without_context_takeover_every_message_is_inflated_by_itself() -> None:
    inflater = Inflater(DeflateAgreement(server_no_context_takeover=True))
    assert inflated(inflater, bytes.fromhex("f248cdc9c90700")) == b"Hello"
    assert isinstance(inflated(inflater, bytes.fromhex("f200110000")), str)
    assert inflated(inflater, bytes.fromhex("f248cdc9c90700")) == b"Hello"


@pytest.mark.parametrize("cut", [1, 2, 3, 5])
def test_a_message_that_ends_inside_a_block_is_invalid(cut: int) -> None:
    data = bytes.fromhex("f248cdc9c90700")
    assert isinstance(inflated(Inflater(DeflateAgreement()), data[:cut]), str)


def bomb(size: int) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return (compressor.compress(bytes(size)) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


@pytest.mark.parametrize("window", [12, 15])
def test_a_decompression_bomb_is_stopped_at_the_limit(window: int) -> None:
    inflater = Inflater(DeflateAgreement(server_max_window_bits=window))
    out = inflated(inflater, bomb(50_000_000), limit=100_000)
    assert isinstance(out, bytes)
    assert 100_000 < len(out) <= 100_000 + 16 * 1024
    assert inflater.is_broken


def test_after_a_decompression_bomb_plain_messages_are_read_and_compressed_ones_dropped_without_a_breach() -> None:
    peer = an_open_peer("permessage-deflate", max_message_bytes=100_000)
    peer.receive_data(Frame(Opcode.BINARY, bomb(10_000_000), rsv=4).encode())
    peer.receive_data(Frame(Opcode.TEXT, bytes.fromhex("f248cdc9c90700"), rsv=4).encode())
    peer.receive_data(Frame(Opcode.TEXT, b"plain").encode())
    first, second, third = peer.events_received()
    assert isinstance(first, MessageDropped)
    assert isinstance(second, MessageDropped)
    assert third == TextMessage("plain", 1)
    assert rules_of(peer) == []


def test_a_small_message_may_be_sent_uncompressed_after_an_agreement() -> None:
    peer = an_open_peer("permessage-deflate")
    peer.receive_data(b"\x82\x01a" + Frame(Opcode.TEXT, bytes.fromhex("f248cdc9c90700"), rsv=4).encode())
    assert peer.events_received() == [BinaryMessage(b"a", 1), TextMessage("Hello", 1)]
    assert peer.breaches == []

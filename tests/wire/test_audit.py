"""Tests that every rule about frames has a conversation that breaks it, and a similar one that does not."""

from __future__ import annotations

import inspect
import zlib

import pytest

from tests.wire import test_handshake, test_peer
from tests.wire.conversations import MASK, an_open_peer, rules_of
from wsproof.wire import RULES, Frame, LengthForm, Opcode, Peer, TextMessage

DEFLATE = "permessage-deflate"


def peer_that_received(*frames: Frame, deflate: str | None = None) -> Peer:
    """Return an open peer that has received these frames."""
    peer = an_open_peer(deflate)
    peer.receive_data(b"".join(frame.encode() for frame in frames))
    return peer


def deflated(payload: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


TEXT, BINARY, CONTINUATION = Opcode.TEXT, Opcode.BINARY, Opcode.CONTINUATION
CLOSE, PING, PONG = Opcode.CLOSE, Opcode.PING, Opcode.PONG
FIRST_FRAGMENT = Frame(TEXT, b"a", fin=False)

WITHOUT_DEFLATE: list[tuple[str, list[Frame], list[Frame]]] = [
    ("masked", [Frame(TEXT, b"a", mask=MASK)], [Frame(TEXT, b"a")]),
    ("rsv", [Frame(TEXT, b"a", rsv=4)], [Frame(TEXT, b"a")]),
    ("rsv", [Frame(PING, rsv=2)], [Frame(PING)]),
    ("rsv", [Frame(BINARY, rsv=1)], [Frame(BINARY)]),
    *[("reserved-opcode", [Frame(opcode)], [Frame(PONG)]) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)],
    ("length-not-minimal", [Frame(TEXT, b"a", length_form=LengthForm.BITS16)], [Frame(TEXT, b"a" * 126)]),
    ("length-not-minimal", [Frame(TEXT, b"a", length_form=LengthForm.BITS64)], [Frame(TEXT, b"a" * 65_536)]),
    ("length-not-minimal", [Frame(PING, b"a", length_form=LengthForm.BITS16)], [Frame(PING, b"a")]),
    ("length-top-bit", [Frame(TEXT, declared_length=1 << 63)], [Frame(TEXT, declared_length=(1 << 63) - 1)]),
    ("control-fragmented", [Frame(PING, fin=False)], [Frame(PING)]),
    ("control-fragmented", [Frame(CLOSE, fin=False)], [Frame(CLOSE)]),
    ("control-too-long", [Frame(PING, bytes(126))], [Frame(PING, bytes(125))]),
    ("control-too-long", [Frame(CLOSE, b"\x03\xe8" + b"a" * 124)], [Frame(CLOSE, b"\x03\xe8" + b"a" * 123)]),
    ("control-too-long", [Frame(PONG, declared_length=1 << 40)], [Frame(PONG)]),
    ("continuation-without-start", [Frame(CONTINUATION)], [FIRST_FRAGMENT, Frame(CONTINUATION)]),
    (
        "continuation-without-start",
        [FIRST_FRAGMENT, Frame(CONTINUATION), Frame(CONTINUATION)],
        [FIRST_FRAGMENT, Frame(CONTINUATION, fin=False), Frame(CONTINUATION)],
    ),
    (
        "interleaved-messages",
        [FIRST_FRAGMENT, Frame(TEXT)],
        [FIRST_FRAGMENT, Frame(PING), Frame(CONTINUATION), Frame(TEXT)],
    ),
    ("text-utf8", [Frame(TEXT, b"\xff")], [Frame(BINARY, b"\xff")]),
    ("text-utf8", [Frame(TEXT, b"\xc3")], [Frame(TEXT, b"\xc3\xa9")]),
    ("text-utf8", [Frame(TEXT, b"\xed\xa0\x80")], [Frame(TEXT, b"\xed\x9f\xbf")]),
    (
        "text-utf8",
        [Frame(TEXT, b"\xc3", fin=False), Frame(CONTINUATION, b"a")],
        [Frame(TEXT, b"\xc3", fin=False), Frame(CONTINUATION, b"\xa9")],
    ),
    ("close-one-byte", [Frame(CLOSE, b"\x03")], [Frame(CLOSE, b"\x03\xe8")]),
    *[
        ("close-code", [Frame(CLOSE, code.to_bytes(2, "big"))], [Frame(CLOSE, b"\x03\xf3")])
        for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535)
    ],
    ("close-reason-utf8", [Frame(CLOSE, b"\x03\xe8\xff")], [Frame(CLOSE, "\u03e8".encode("utf-16-be") + b"ok")]),
    ("data-after-close", [Frame(CLOSE), Frame(TEXT)], [Frame(TEXT), Frame(CLOSE)]),
    ("control-after-close", [Frame(CLOSE), Frame(CLOSE)], [Frame(PING), Frame(CLOSE)]),
]
HELLO = deflated(b"Hello")
WITH_DEFLATE: list[tuple[str, list[Frame], list[Frame]]] = [
    ("control-compressed", [Frame(PING, rsv=4)], [Frame(PING)]),
    (
        "continuation-compressed",
        [Frame(TEXT, HELLO[:2], fin=False, rsv=4), Frame(CONTINUATION, HELLO[2:], rsv=4)],
        [Frame(TEXT, HELLO[:2], fin=False, rsv=4), Frame(CONTINUATION, HELLO[2:])],
    ),
    ("rsv", [Frame(TEXT, b"a", rsv=2)], [Frame(TEXT, HELLO, rsv=4)]),
    ("deflate-data", [Frame(TEXT, b"\xff\xff", rsv=4)], [Frame(TEXT, b"plain")]),
    ("deflate-data", [Frame(TEXT, HELLO[:3], rsv=4)], [Frame(TEXT, HELLO, rsv=4)]),
    ("text-utf8", [Frame(TEXT, deflated(b"\xff"), rsv=4)], [Frame(BINARY, deflated(b"\xff"), rsv=4)]),
]


@pytest.mark.parametrize(("rule", "broken", "clean"), WITHOUT_DEFLATE)
def test_a_breach_is_reported_and_its_valid_counterpart_is_not(
    rule: str, broken: list[Frame], clean: list[Frame]
) -> None:
    assert rules_of(peer_that_received(*broken)) == [rule]
    assert rules_of(peer_that_received(*clean)) == []


@pytest.mark.parametrize(("rule", "broken", "clean"), WITH_DEFLATE)
def test_a_compression_breach_is_reported_and_its_valid_counterpart_is_not(
    rule: str, broken: list[Frame], clean: list[Frame]
) -> None:
    assert rules_of(peer_that_received(*broken, deflate=DEFLATE)) == [rule]
    assert rules_of(peer_that_received(*clean, deflate=DEFLATE)) == []


def test_every_rule_has_a_test_that_breaks_it() -> None:
    of_frames = {rule for rule, _, _ in WITHOUT_DEFLATE + WITH_DEFLATE}
    source = "".join(inspect.getsource(module) for module in (test_handshake, test_peer))
    assert {rule for rule in RULES if rule not in of_frames and f'"{rule}"' not in source} == set()


def test_a_breach_carries_its_section_its_sentence_and_the_frame() -> None:
    (breach,) = peer_that_received(Frame(TEXT, b"a", mask=MASK)).breaches
    assert (breach.rule, breach.section, breach.level) == ("masked", "5.1", "MUST")
    assert breach.sentence == "A server does not mask the frames it sends."
    assert breach.evidence == 'TEXT fin=1 mask=01020304 len=1 "a"'
    assert breach.evidence in breach.describe()


def test_one_frame_may_break_several_rules() -> None:
    peer = peer_that_received(Frame(11, bytes(126), fin=False, rsv=7, mask=MASK, length_form=LengthForm.BITS64))
    assert set(rules_of(peer)) == {
        "masked",
        "reserved-opcode",
        "rsv",
        "length-not-minimal",
        "control-fragmented",
        "control-too-long",
    }


def test_invalid_text_is_a_breach_at_its_first_invalid_byte_and_not_only_at_its_end() -> None:
    peer = peer_that_received(Frame(TEXT, b"\xf4\x90", fin=False))
    assert rules_of(peer) == ["text-utf8"]
    peer.receive_data(Frame(CONTINUATION, b"\xff").encode())
    assert rules_of(peer) == ["text-utf8"], "one message is reported once"
    assert peer.events_received() == [TextMessage("\ufffd" * 3, 2)]


@pytest.mark.parametrize("start", range(0x80, 0x100))
def test_utf8_fails_as_soon_as_no_continuation_is_valid(start: int) -> None:
    def can_be_continued(prefix: bytes) -> bool:
        tails = [b"", b"\x80", b"\xbf", b"\x80\x80", b"\xbf\xbf", b"\x80\x80\x80", b"\xbf\xbf\xbf"]
        tails += [bytes([second]) + tail for second in (0x8F, 0x90, 0x9F, 0xA0) for tail in (b"", b"\x80", b"\x80\x80")]
        return any(_is_utf8(prefix + tail) for tail in tails)

    for prefix in [bytes([start]), *(bytes([start, second]) for second in range(0x100))]:
        broken = rules_of(peer_that_received(Frame(TEXT, prefix, fin=False))) == ["text-utf8"]
        assert broken != can_be_continued(prefix), prefix


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_an_unsolicited_pong_is_legal() -> None:
    assert peer_that_received(Frame(PONG, b"nobody asked")).breaches == []


def test_a_continuation_without_a_start_does_not_become_a_message() -> None:
    peer = peer_that_received(Frame(CONTINUATION, b"x"), Frame(TEXT, b"y"))
    assert peer.events_received() == [TextMessage("y", 1)]


def test_a_message_started_inside_another_replaces_it() -> None:
    peer = peer_that_received(FIRST_FRAGMENT, Frame(TEXT, b"new"))
    assert peer.events_received() == [TextMessage("new", 1)]

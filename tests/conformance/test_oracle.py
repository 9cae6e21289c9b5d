"""Tests of the oracle: the behaviour of an ideal server."""

from __future__ import annotations

import pytest

from wsproof.conformance.endpoint_profile import EndpointProfile, Message
from wsproof.conformance.oracle.frames import ConnectionOutcome, expect_frames
from wsproof.conformance.oracle.handshake import HandshakeAnswer, expect_answer
from wsproof.conformance.properties.property import MASK, script_of
from wsproof.conformance.script import Handshake, Raw, Script, SendFrame
from wsproof.wire import Frame, LengthForm, Opcode, Request

_FACTS = EndpointProfile(prefix="> ", binary=True, deflate=False, largest_bytes=70_000)
_USUAL = Request(host="h", path="/", key="d3Nwcm9vZi1yZmM2NDU1IQ==")


def _frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bytes | None = MASK) -> Frame:
    return Frame(opcode, payload, fin=fin, rsv=rsv, mask=mask)


class TestFrames:
    def test_an_echo_is_expected_to_return_each_message_after_its_prefix(self) -> None:
        expected = expect_frames(script_of("x", _frame(1, b"a", fin=False), _frame(9, b"p"), _frame(0, b"b")), _FACTS)
        assert expected.outcome is ConnectionOutcome.OPEN
        assert expected.replies == [Message(Opcode.TEXT, b"> ab")]
        assert expected.pings == [b"p"]

    @pytest.mark.parametrize(
        ("frames", "rule"),
        [
            ([_frame(1, mask=None)], "mask-required"),
            ([_frame(1, rsv=4)], "rsv-zero"),
            ([_frame(3)], "opcode-reserved"),
            ([_frame(0)], "continuation-orphan"),
            ([_frame(1, fin=False), _frame(2)], "interleaved-messages"),
            ([_frame(9, fin=False)], "control-fragmented"),
            ([_frame(9, b"p" * 126)], "control-long"),
            ([_frame(8, b"\x03")], "close-one-byte"),
            ([_frame(8, b"\x03\xed")], "close-code-legal"),
            ([_frame(8, b"\x03\xe8\xff")], "close-reason-utf8"),
            ([_frame(1, b"\xc3", fin=False), _frame(0, b"a")], "utf8-broken"),
            ([Frame(1, b"", mask=MASK, declared_length=1 << 63)], "length-top-bit"),
        ],
    )
    def test_a_broken_rule_fails_the_connection(self, frames: list[Frame], rule: str) -> None:
        expected = expect_frames(script_of("x", _frame(1, b"before"), *frames, _frame(1, b"after")), _FACTS)
        assert (expected.outcome, expected.rule) == (ConnectionOutcome.FAILED, rule)
        assert expected.replies == [Message(Opcode.TEXT, b"> before")]

    def test_a_server_that_reads_on_may_report_a_later_fault(self) -> None:
        broken = [_frame(1, b"\xc3", fin=False), _frame(0, b"a")]
        assert expect_frames(script_of("x", *broken, _frame(1, b"a")), _FACTS).codes == {1007}
        assert expect_frames(script_of("x", *broken, _frame(0, b"a")), _FACTS).codes == {1002, 1007}
        assert expect_frames(script_of("x", _frame(0), _frame(1, b"\xff")), _FACTS).codes == {1002, 1007}

    def test_a_character_cut_by_fragments_is_legal(self) -> None:
        expected = expect_frames(script_of("x", _frame(1, b"\xe2\x82", fin=False), _frame(0, b"\xac")), _FACTS)
        assert expected.outcome is ConnectionOutcome.OPEN

    def test_invalid_text_may_be_detected_at_the_end_of_its_message(self) -> None:
        expected = expect_frames(script_of("x", _frame(1, b"\xff", fin=False)), _FACTS)
        assert (expected.outcome, expected.rule) == (ConnectionOutcome.FREE, "utf8-fail-fast")

    def test_a_message_after_our_close_expects_no_reply(self) -> None:
        expected = expect_frames(script_of("x", _frame(8, b"\x03\xe8"), _frame(1, b"late")), _FACTS)
        assert expected.outcome is ConnectionOutcome.CLOSED
        assert expected.stray == [Message(Opcode.TEXT, b"late")]

    def test_no_reply_is_expected_to_binary_messages_that_the_endpoint_does_not_echo(self) -> None:
        profile = EndpointProfile(prefix="", binary=False, deflate=False, largest_bytes=1000)
        assert expect_frames(script_of("x", _frame(2, b"b")), profile).outcome is ConnectionOutcome.FREE

    def test_no_reply_is_expected_to_an_incomplete_frame(self) -> None:
        huge = Frame(1, b"hello", mask=MASK, length_form=LengthForm.BITS64, declared_length=(1 << 32) + 5)
        for beginning in (_frame(1, b"whole").encode()[:5], huge.encode()):
            expected = expect_frames(Script("x", (Raw(beginning),)), _FACTS)
            assert expected.in_frame
            assert expected.replies == []


class TestHandshakes:
    @pytest.mark.parametrize(
        ("handshake", "answer", "rule"),
        [
            (Handshake(), HandshakeAnswer.ACCEPT, ""),
            (Handshake(connection="keep-alive, UPGRADE", upgrade="WebSocket"), HandshakeAnswer.ACCEPT, ""),
            (Handshake(connection="keep-alive", headers=(("Connection", "Upgrade"),)), HandshakeAnswer.ACCEPT, ""),
            (Handshake(method="POST"), HandshakeAnswer.REFUSE, "method-get"),
            (Handshake(http="HTTP/1.0"), HandshakeAnswer.REFUSE, "http-1-1"),
            (Handshake(omit=("Host",)), HandshakeAnswer.REFUSE, "host-required"),
            (Handshake(upgrade="websockets"), HandshakeAnswer.REFUSE, "upgrade-required"),
            (Handshake(connection="upgraded"), HandshakeAnswer.REFUSE, "connection-required"),
            (Handshake(omit=("sec-websocket-key",)), HandshakeAnswer.REFUSE, "key-required"),
            (Handshake(version="12"), HandshakeAnswer.REFUSE, "version-13"),
            (Handshake(version="8"), HandshakeAnswer.FREE, "version-draft"),
            (Handshake(key="short"), HandshakeAnswer.FREE, "key-decodes"),
            (Handshake(extensions=("x; =1",)), HandshakeAnswer.REFUSE, "extension-malformed"),
            (Handshake(extensions=('x; a="b"', "y")), HandshakeAnswer.ACCEPT, ""),
            (Handshake(subprotocols=("unknown",)), HandshakeAnswer.FREE, "subprotocol-unknown"),
            (Handshake(subprotocols=("a b",)), HandshakeAnswer.FREE, "subprotocol-malformed"),
            (Handshake(subprotocols=("a", "a")), HandshakeAnswer.FREE, "subprotocol-malformed"),
            (Handshake(headers=(("Host", "again"),)), HandshakeAnswer.FREE, "host-once"),
            (Handshake(omit=("Host",), headers=(("Host", "[::1]:80"),)), HandshakeAnswer.ACCEPT, ""),
            (Handshake(headers=(("Content-Length", "1"),), body="x"), HandshakeAnswer.FREE, "handshake-body"),
        ],
    )
    def test_each_request_has_an_expected_response(
        self, handshake: Handshake, answer: HandshakeAnswer, rule: str
    ) -> None:
        expected = expect_answer(handshake.apply(_USUAL), _USUAL)
        assert (expected.answer, expected.rule) == (answer, rule)

    @pytest.mark.parametrize(("version", "is_expected"), [("12", True), ("x", False), ("-13", False), ("256", False)])
    def test_only_a_valid_version_is_answered_with_the_supported_versions(
        self, version: str, is_expected: bool
    ) -> None:
        assert expect_answer(Handshake(version=version).apply(_USUAL), _USUAL).must_name_versions is is_expected


def test_the_frames_of_a_script_are_sent_unchanged() -> None:
    frame = _frame(1, b"x")
    assert Script("x", (SendFrame(frame), Raw(b"\x81"))).streams() == [frame.encode() + b"\x81"]

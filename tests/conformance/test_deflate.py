"""Tests of permessage-deflate: handwritten blocks, the inflating oracle, and a correct compressing server."""

from __future__ import annotations

import random
import zlib

import pytest

from tests.faulty.running import FaultyServer
from wsproof import Level, Verdict
from wsproof.conformance import frame_json
from wsproof.conformance.endpoint_profile import EndpointProfile, Message
from wsproof.conformance.oracle.deflate_negotiation import BARE, OFFERS, agreement_of, why_illegal
from wsproof.conformance.oracle.frames import ConnectionOutcome, expect_frames
from wsproof.conformance.properties.deflate_blocks import Blocks, Copy
from wsproof.conformance.properties.deflate_bombs import bomb
from wsproof.conformance.properties.deflate_builders import apply_cuts, deflate_script, literals, packed
from wsproof.conformance.script import Handshake, Script, SendFrame
from wsproof.conformance.suite import PROPERTIES, run_suite
from wsproof.conformance.verify.root_cause import unfragmented
from wsproof.model.suite import SuiteOptions
from wsproof.wire import DeflateAgreement, Frame, Opcode

_FACTS = EndpointProfile(prefix="", binary=True, deflate=True, largest_bytes=70_000, agreements=((BARE, BARE),))
_PLAIN = DeflateAgreement()
_RESETS = DeflateAgreement(client_no_context_takeover=True)
_MASK = b"abcd"


def inflate(payload: bytes) -> bytes:
    """Inflate a message with zlib itself, final blocks included."""
    data, out = payload + b"\x00\x00\xff\xff", b""
    while data:
        inflater = zlib.decompressobj(-15, out[-32_768:])
        out += inflater.decompress(data)
        data = inflater.unused_data
    return out


class TestBlocks:
    def test_the_handwritten_blocks_equal_the_examples_of_rfc_7692(self) -> None:
        assert Blocks().fixed(b"Hello").message().hex() == "f248cdc9c90700"
        assert Blocks().fixed(b"Hello", final=True).message().hex() == "f348cdc9c9070000"
        assert Blocks().stored(b"Hello").message().hex() == "000500faff48656c6c6f00"
        assert Blocks().message() == b"\x00"

    def test_copies_of_every_length_and_from_any_distance(self) -> None:
        rng = random.Random(1)
        before = rng.randbytes(32_768)
        for length in range(3, 259):
            distance = rng.randint(1, 32_768)
            expected = bytearray(before)
            for _ in range(length):
                expected.append(expected[-distance])
            assert inflate(Blocks().stored(before).fixed(Copy(length, distance)).message()) == bytes(expected)

    def test_a_message_may_have_blocks_of_all_kinds(self) -> None:
        blocks = (
            Blocks().fixed(b"a").stored(b"b").library(b"c" * 500).fixed(b"\xff", final=True).stored(b"").fixed(b"d")
        )
        assert inflate(blocks.message()) == b"ab" + b"c" * 500 + b"\xffd"

    def test_only_the_first_fragment_has_the_compression_bit(self) -> None:
        pieces = apply_cuts(literals(b"Hello"), 0, 3)
        assert [(piece.opcode, piece.rsv, piece.fin) for piece in pieces] == [
            (1, 4, False),
            (0, 0, False),
            (0, 0, True),
        ]
        assert b"".join(piece.payload for piece in pieces) == literals(b"Hello").payload


class TestOracle:
    def test_a_compressed_message_is_expected_back_uncompressed(self) -> None:
        expected = expect_frames(deflate_script(_FACTS, "x", *apply_cuts(literals(b"Hello"), 2)), _FACTS, _PLAIN)
        assert (expected.outcome, expected.replies) == (ConnectionOutcome.OPEN, [Message(Opcode.TEXT, b"Hello")])

    def test_a_back_reference_to_an_earlier_message_depends_on_the_agreement(self) -> None:
        script = deflate_script(_FACTS, "x", literals(b"Hello"), packed(Blocks().fixed(Copy(5, 5))))
        assert expect_frames(script, _FACTS, _PLAIN).replies == [Message(Opcode.TEXT, b"Hello")] * 2
        assert expect_frames(script, _FACTS, _RESETS).rule == "deflate-data"

    @pytest.mark.parametrize(
        ("frame", "outcome", "rule"),
        [
            (Frame(9, b"p", rsv=4, mask=_MASK), ConnectionOutcome.FAILED, "deflate-rsv-control"),
            (Frame(1, b"p", rsv=2, mask=_MASK), ConnectionOutcome.FAILED, "deflate-rsv2-rsv3"),
            (packed(b"\x06"), ConnectionOutcome.FAILED, "deflate-data"),
            (packed(b""), ConnectionOutcome.FREE, "deflate-unfinished"),
            (literals(b"\xff"), ConnectionOutcome.FAILED, "deflate-utf8-broken"),
            (Frame(1, b"\xff", mask=_MASK), ConnectionOutcome.FAILED, "utf8-broken"),
            (packed(bomb(25)), ConnectionOutcome.FREE, "deflate-bomb"),
        ],
    )
    def test_invalid_deflate_frames_fail_the_connection_by_rule(
        self, frame: Frame, outcome: ConnectionOutcome, rule: str
    ) -> None:
        expected = expect_frames(deflate_script(_FACTS, "x", frame), _FACTS, _PLAIN)
        assert (expected.outcome, expected.rule) == (outcome, rule)

    def test_invalid_data_may_be_detected_at_the_end_of_its_message(self) -> None:
        start, end = apply_cuts(packed(b"\x06\x00"), 1)
        assert expect_frames(deflate_script(_FACTS, "x", start), _FACTS, _PLAIN).outcome is ConnectionOutcome.FREE
        assert expect_frames(deflate_script(_FACTS, "x", start, end), _FACTS, _PLAIN).rule == "deflate-data"

    def test_a_server_that_declines_compression_gets_no_messages(self) -> None:
        expected = expect_frames(deflate_script(_FACTS, "x", literals(b"Hello")), _FACTS, None)
        assert expected.declined
        assert (expected.outcome, expected.replies) == (ConnectionOutcome.OPEN, [])

    def test_an_rsv_bit_without_agreement_fails_the_connection(self) -> None:
        offer = Handshake(extensions=(f"{BARE}; unknown",))
        script = Script("deflate-not-agreed", (SendFrame(literals(b"a")),), handshake=offer)
        assert expect_frames(script, _FACTS, None).rule == "deflate-not-agreed"
        assert expect_frames(Script("x", script.actions), _FACTS, None).rule == "rsv-zero"

    def test_the_plain_script_sends_the_same_message_uncompressed(self) -> None:
        script = deflate_script(_FACTS, "x", *apply_cuts(literals(b"Hello"), 2), Frame(9, b"p", mask=_MASK))
        (action,) = unfragmented(script).actions
        assert isinstance(action, SendFrame)
        assert (action.frame.payload, action.frame.rsv) == (b"Hello", 0)


class TestOffers:
    def test_the_standard_offers_are_legal(self) -> None:
        assert why_illegal(OFFERS) == ("",) * len(OFFERS)

    def test_illegal_offers_have_a_reason(self) -> None:
        first, second, third = why_illegal([f"{BARE}; unknown", f"{BARE}; server_max_window_bits=7, {BARE}"])
        assert "unknown" in first
        assert "8 to 15" in second
        assert third == ""

    def test_an_unreadable_response_agrees_to_nothing(self) -> None:
        assert agreement_of(f"{BARE}; server_max_window_bits=9") == DeflateAgreement(server_max_window_bits=9)
        assert agreement_of(f"{BARE}; server_max_window_bits") is None
        assert agreement_of("x-other") is None


def test_a_deflate_bomb_is_small_in_its_recipe_and_restored_complete() -> None:
    script = deflate_script(_FACTS, "deflate-bomb", packed(bomb(25)))
    assert len(str(script.to_json())) < 5_000
    assert Script.from_json(script.to_json()) == script


@pytest.mark.parametrize("data", [b"", b"ab", b"x" * 300 + b"tail", b"head" + b"\0" * 5_000 + b"\n" * 400, bytes(300)])
def test_packed_bytes_are_unpacked_unchanged(data: bytes) -> None:
    assert frame_json.unpack(frame_json.pack(data)) == data


def test_the_endpoint_profile_keeps_the_agreement() -> None:
    assert EndpointProfile.from_json(_FACTS.to_json()) == _FACTS
    assert _FACTS.agreed(BARE) == _PLAIN
    assert _FACTS.agreed("never asked") is None


@pytest.mark.parametrize("seed", [1])
def test_a_correct_compressing_server_has_no_findings(faulty: FaultyServer, seed: int) -> None:
    options = SuiteOptions(seed=seed, examples=4, deadline_s=90.0, only=("deflate",))
    report = run_suite(faulty.with_fault("deflate"), options)
    assert [finding.check for finding in report.findings if finding.level is not Level.INFORMATIONAL] == []
    assert report.verdict(strict=True) is Verdict.VALID
    assert report.not_run == ()
    checks = {run.check for run in report.checks_run}
    assert {tested.name for tested in PROPERTIES if tested.name.startswith("deflate")} <= checks


def test_without_compression_the_deflate_checks_are_not_run(faulty: FaultyServer) -> None:
    options = SuiteOptions(examples=2, deadline_s=90.0, only=("deflate-final", "deflate-bomb", "deflate-declined"))
    report = run_suite(faulty.with_fault(""), options)
    assert {row.check for row in report.not_run} == {"deflate-final", "deflate-bomb"}
    assert all(row.reason.startswith("not offered by the server") for row in report.not_run)
    assert "deflate-declined" in {run.check for run in report.checks_run}
    assert report.verdict(strict=True) is Verdict.VALID


def test_a_finding_shows_the_inflated_message(faulty: FaultyServer) -> None:
    options = SuiteOptions(examples=2, deadline_s=90.0, only=("deflate-final",))
    (finding,) = run_suite(faulty.with_fault("deflate-final"), options).findings
    assert finding.source is not None
    assert finding.source.startswith("MUST RFC 7692 7.2.3.4:")
    assert any("rsv=100" in line for line in finding.witness)
    assert any('(inflated: 5 bytes "Hello")' in line for line in finding.witness)

"""Tests that closes by the application are not reported as violations of its server."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.faulty.running import FaultyServer
from wsproof import Level, Verdict
from wsproof.conformance.endpoint_profile import EndpointProfile, Message, is_application_code
from wsproof.conformance.exchange.transcript import Transcript
from wsproof.conformance.oracle.frames import expect_frames
from wsproof.conformance.oracle.handshake import expect_answer
from wsproof.conformance.properties.accepted_messages import with_accepted_messages
from wsproof.conformance.properties.property import MASK, script_of
from wsproof.conformance.properties.strategies import fragments
from wsproof.conformance.script import Handshake, Raw, Script, SendFrame
from wsproof.conformance.session import Session
from wsproof.conformance.suite import PROPERTIES, run_suite
from wsproof.conformance.verify.root_cause import unfragmented
from wsproof.conformance.verify.violations import RuleViolation, verify
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.wire import CloseReceived, Frame, Opcode, Request, Response

_NEED_TEXTS = ("payload-lengths", "fragments-joined", "control-between-fragments", "utf8-valid", "mask-any")
_OPTIONS = SuiteOptions(examples=2, deadline_s=30.0, only=tuple(tested.name for tested in PROPERTIES))


def _reported(report: SuiteReport) -> list[str]:
    return [finding.check for finding in report.findings if finding.level is not Level.INFORMATIONAL]


@pytest.mark.parametrize("code", [1003, 1008, 4400])
def test_an_application_that_refuses_texts_has_no_finding_and_skipped_checks(faulty: FaultyServer, code: int) -> None:
    report = run_suite(faulty.with_fault(f"wants-json-{code}"), _OPTIONS)
    assert _reported(report) == []
    not_run = {row.check: row.reason for row in report.not_run}
    for check in _NEED_TEXTS:
        assert not_run[check].startswith("not checked: ")
    (remark,) = report.remarks
    assert "takes only some messages" in remark
    assert str(code) in remark
    assert "--sample" in remark
    rows = {run.check: run for run in report.checks_run}
    for check in ("rsv-zero", "mask-required", "close-answered", "utf8-broken", "ping-answered", "segmentation"):
        assert rows[check].verdict is Verdict.VALID


def test_an_accepted_sample_text_lets_every_check_run(faulty: FaultyServer) -> None:
    report = run_suite(faulty.with_fault("wants-json-1003"), _OPTIONS.but(sample='{"say": "h\u00e9"}'))
    assert _reported(report) == []
    assert report.verdict(strict=True) is Verdict.VALID


def test_an_ascii_sample_text_skips_the_utf8_checks(faulty: FaultyServer) -> None:
    options = _OPTIONS.but(sample='{"say": "he"}', only=("utf8-valid",))
    report = run_suite(faulty.with_fault("wants-json-1003"), options)
    (row,) = report.not_run
    assert "ASCII" in row.reason
    assert report.verdict() is Verdict.UNKNOWN


def test_a_close_only_on_fragments_is_a_violation_with_any_code(faulty: FaultyServer) -> None:
    report = run_suite(faulty.with_fault("fragments-1011"), _OPTIONS.but(only=("fragments-joined",)))
    assert _reported(report) == ["fragments-joined"]


def test_an_early_answer_to_pipelined_frames_is_no_violation(faulty: FaultyServer) -> None:
    report = run_suite(faulty.with_fault("answers-early"), _OPTIONS.but(only=("pipelined-frames",)))
    assert [finding.check for finding in report.findings] == ["pipelined-frames"]
    assert _reported(report) == []
    assert "its answer was no HTTP response" in report.findings[0].explanation


class TestSamples:
    profile = EndpointProfile(None, False, False, 1024, sample=Message.of("{}"), pads=True)

    def test_a_substituted_message_keeps_its_fragments_and_length(self) -> None:
        script = with_accepted_messages(script_of("x", *fragments(b"ab", b"", b"cdef")), self.profile)
        assert script == script_of("x", *fragments(b"{}", b"", b"    "))

    def test_a_message_shorter_than_the_sample_becomes_the_sample(self) -> None:
        assert with_accepted_messages(script_of("x", *fragments(b"", b"a")), self.profile) == script_of(
            "x", *fragments(b"", b"{}")
        )

    def test_invalid_frames_stay_invalid_when_samples_are_substituted(self) -> None:
        broken = script_of("x", Frame(Opcode.TEXT, b"\xff", mask=MASK), Frame(Opcode.TEXT, b"bare"))
        assert with_accepted_messages(broken, self.profile) == script_of(
            "x", Frame(Opcode.TEXT, b"\xff", mask=MASK), Frame(Opcode.TEXT, b"{}  ")
        )

    def test_a_substituted_message_is_cut_inside_a_character_like_the_original(self) -> None:
        profile = EndpointProfile(None, False, False, 1024, sample=Message.of('{"h\u00e9": 1}'))
        first, last = fragments(b"\xc3", b"\xa9")
        script = with_accepted_messages(script_of("utf8-valid", first, last), profile)
        assert script == script_of("utf8-valid", *fragments(b'{"h\xc3', b'\xa9": 1}'))

    def test_messages_that_the_endpoint_may_refuse_are_left_out(self) -> None:
        profile = EndpointProfile(None, False, False, 1024, refuses="a close frame", refusals=("1003",))
        whole, orphan = Frame(Opcode.TEXT, b"whole", mask=MASK), Frame(Opcode.CONTINUATION, b"o", mask=MASK)
        assert with_accepted_messages(script_of("payload-lengths", whole), profile) is None
        assert with_accepted_messages(script_of("continuation-orphan", whole, orphan), profile) == script_of(
            "continuation-orphan", orphan
        )
        begun = script_of("close-between-fragments", *fragments(b"a", ends=False), Frame(Opcode.CLOSE, b"", mask=MASK))
        assert with_accepted_messages(begun, profile) == begun

    def test_no_script_has_more_messages_than_the_endpoint_accepts(self) -> None:
        profile = EndpointProfile("", False, False, 1024, most_messages=2)
        whole = Frame(Opcode.TEXT, b"whole", mask=MASK)
        assert with_accepted_messages(script_of("x", whole), profile) == script_of(
            "x", whole
        )  # The second message is the barrier.
        assert with_accepted_messages(script_of("x", whole, whole), profile) is None

    def test_samples_replace_only_complete_text_messages(self) -> None:
        other = Script("x", (Raw(b"\x81"), *script_of("x", Frame(Opcode.PING, b"p", mask=MASK)).actions))
        assert with_accepted_messages(other, self.profile) == other


def test_the_plain_script_sends_the_application_the_same_messages() -> None:
    ping = Frame(Opcode.PING, b"p", mask=MASK)
    first, second = fragments(b"a", b"b")
    plain = unfragmented(script_of("x", first, ping, second, Frame(Opcode.TEXT, b"c", mask=b"abcd"), cuts=(1, 2)))
    whole, last = Frame(Opcode.TEXT, b"ab", mask=MASK), Frame(Opcode.TEXT, b"c", mask=MASK)
    assert plain == script_of("x", whole, last, cuts=(len(whole.encode()),))


@pytest.mark.parametrize(
    ("changes", "ends_tcp", "expected"),
    [
        ({"omit": ("Upgrade",)}, False, []),
        ({"omit": ("Upgrade",)}, True, ["refusal-answered"]),
        ({"method": "PUT"}, False, ["refusal-answered"]),
        ({"omit": ("Sec-WebSocket-Key",)}, False, ["refusal-answered"]),
    ],
)
def test_a_server_may_hold_a_request_without_an_upgrade_open_like_a_poll(
    changes: dict[str, Any], ends_tcp: bool, expected: list[str]
) -> None:
    script = Script("upgrade-required", handshake=Handshake(**changes))
    profile = EndpointProfile("", True, False, 1024)
    usual = Request("example.org", "/", "d3Nwcm9vZi1yZmM2NDU1IQ==")
    handshake = expect_answer(script.handshake.apply(usual), usual)
    transcript = Transcript(ended=ends_tcp)
    violations = verify(script, handshake, expect_frames(script, profile), profile, transcript)
    assert [violation.rule for violation in violations] == expected


@pytest.mark.parametrize(("code", "expected"), [(None, []), (1008, []), (1002, ["subprotocol-malformed"])])
def test_a_server_may_close_without_a_token_among_the_subprotocols(code: int | None, expected: list[str]) -> None:
    """Model bokeh, which reads its token from the second subprotocol and closes if there is none."""
    script = Script("subprotocol-malformed", handshake=Handshake(subprotocols=("bokeh", "two words")))
    profile = EndpointProfile(None, False, False, 1024)
    usual = Request("example.org", "/", "d3Nwcm9vZi1yZmM2NDU1IQ==", subprotocols=("bokeh", "token"))
    handshake = expect_answer(script.handshake.apply(usual), usual)
    close = CloseReceived(code, "")
    transcript = Transcript(response=Response(101), close=close, ended=True)
    violations = verify(script, handshake, expect_frames(script, profile), profile, transcript)
    assert [violation.rule for violation in violations] == expected


@pytest.mark.parametrize(
    ("code", "expected"), [(None, True), (1000, True), (1002, False), (1007, False), (4000, True), (10_000, True)]
)
def test_close_codes_from_3000_on_are_the_applications_even_forbidden_ones(code: int | None, expected: bool) -> None:
    assert is_application_code(code) is expected


@pytest.mark.parametrize(
    ("behind", "was_reset", "expected"),
    [(True, True, []), (True, False, ["mixed-frames"]), (False, True, ["mixed-frames"])],
)
def test_a_reset_because_of_bytes_behind_our_close_may_have_destroyed_the_answer(
    behind: bool, was_reset: bool, expected: list[str]
) -> None:
    close = SendFrame(Frame(Opcode.CLOSE, b"\x03\xe8", mask=MASK))
    late = SendFrame(Frame(Opcode.TEXT, b"late", mask=MASK))
    script = Script("mixed-frames", (close, late) if behind else (close,))
    profile = EndpointProfile("", True, False, 1024)
    usual = Request("example.org", "/", "d3Nwcm9vZi1yZmM2NDU1IQ==")
    handshake = expect_answer(script.handshake.apply(usual), usual)
    transcript = Transcript(response=Response(101), ended=True, was_reset=was_reset)
    violations = verify(script, handshake, expect_frames(script, profile), profile, transcript)
    assert [violation.rule for violation in violations] == expected


_TEXT = Message(Opcode.TEXT, b"one")


@pytest.mark.parametrize(
    ("prefix", "sent", "received", "expected"),
    [
        (None, (_TEXT,), (), []),
        ("", (_TEXT,), (), ["deflate-final"]),
        ("", (_TEXT,), (_TEXT,), ["close-answered"]),
        (None, (), (), ["close-answered"]),
    ],
)
def test_an_end_of_tcp_after_a_message_without_its_reply_may_be_the_applications(
    prefix: str | None, sent: tuple[Message, ...], received: tuple[Message, ...], expected: list[str]
) -> None:
    """Model python-socketio, which drops a connection over a truncated message, after it has answered a later ping."""
    script = script_of("deflate-final", *(Frame(message.opcode, message.payload, mask=MASK) for message in sent))
    profile = EndpointProfile(prefix, False, True, 1024)
    usual = Request("example.org", "/", "d3Nwcm9vZi1yZmM2NDU1IQ==")
    handshake = expect_answer(script.handshake.apply(usual), usual)
    transcript = Transcript(
        response=Response(101), messages=list(received), ended=True, was_reset=True, at_barrier=True, barrier_pong=True
    )
    violations = verify(script, handshake, expect_frames(script, profile), profile, transcript)
    assert [violation.rule for violation in violations] == expected
    assert all("reset TCP" in violation.got for violation in violations if violation.rule == "close-answered")


@pytest.mark.parametrize(("sent", "is_kept"), [(1, True), (2, False)])
def test_a_close_at_the_message_limit_is_the_applications_although_control_runs_stay_open(
    sent: int, is_kept: bool
) -> None:
    profile = EndpointProfile(None, False, False, 1024, most_messages=2, refusals=("10000",))
    session: Any = SimpleNamespace(profile=profile, _is_ended=lambda *_: False)
    violation = RuleViolation("segmentation", "the connection to stay open", "a close frame", may_be_application=True)
    fragmented = script_of("segmentation", *fragments(b"a", b"b"))
    remaining = Session._without_application_closes(session, fragmented, sent, [violation], 0.1)
    assert remaining == ([violation] if is_kept else [])

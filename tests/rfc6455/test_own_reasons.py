"""What an application does for reasons of its own is never charged to its protocol."""

from __future__ import annotations

import pytest

from tests.faulty.running import FaultyServer
from wsproof.model.finding import Level, Verdict
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.rfc6455.conversation import Conversation, Raw
from wsproof.rfc6455.facts import Facts
from wsproof.rfc6455.property import MASK, say
from wsproof.rfc6455.reducing import plainly
from wsproof.rfc6455.samples import in_samples
from wsproof.rfc6455.strategies import fragments
from wsproof.rfc6455.suite import PROPERTIES, run_suite
from wsproof.wire import Frame, Opcode

_NEED_TEXTS = ("payload-lengths", "fragments-joined", "control-between", "utf8-valid", "mask-any")
_OPTIONS = SuiteOptions(examples=5, deadline_s=30.0, only=tuple(tested.name for tested in PROPERTIES))


def _accused(report: SuiteReport) -> list[str]:
    return [finding.check for finding in report.findings if finding.level is not Level.INFORMATIONAL]


@pytest.mark.parametrize("code", [1003, 1008, 4400])
def test_an_application_that_refuses_what_is_said_is_not_accused_but_cannot_be_judged(
    faulty: FaultyServer, code: int
) -> None:
    report = run_suite(faulty.with_fault(f"wants-json-{code}"), _OPTIONS)
    assert _accused(report) == []
    rows = {run.check: run for run in report.checks_run}
    for check in _NEED_TEXTS:
        assert rows[check].verdict is Verdict.UNKNOWN
        assert "refuses the texts" in rows[check].reason
        assert str(code) in rows[check].reason
        assert "--sample" in rows[check].reason
    for check in ("rsv-zero", "mask-required", "close-answered", "utf8-broken", "ping-answered", "segmentation"):
        assert rows[check].verdict is Verdict.VALID


def test_a_sample_that_is_accepted_lets_everything_be_judged(faulty: FaultyServer) -> None:
    report = run_suite(faulty.with_fault("wants-json-1003"), _OPTIONS.but(sample='{"say": "h\u00e9"}'))
    assert _accused(report) == []
    assert report.verdict(strict=True) is Verdict.VALID


def test_a_sample_without_other_characters_leaves_utf8_open(faulty: FaultyServer) -> None:
    options = _OPTIONS.but(sample='{"say": "he"}', only=("utf8-valid",))
    (row, _) = run_suite(faulty.with_fault("wants-json-1003"), options).checks_run
    assert row.verdict is Verdict.UNKNOWN
    assert "ASCII" in row.reason


def test_what_only_fails_in_fragments_is_charged_whatever_the_code(faulty: FaultyServer) -> None:
    report = run_suite(faulty.with_fault("fragments-1011"), _OPTIONS.but(only=("fragments-joined",)))
    assert _accused(report) == ["fragments-joined"]


def test_frames_before_the_101_convict_nobody(faulty: FaultyServer) -> None:
    report = run_suite(faulty.with_fault("answers-early"), _OPTIONS.but(only=("pipelined-frames",)))
    assert [finding.check for finding in report.findings] == ["pipelined-frames"]
    assert _accused(report) == []
    assert "its answer was no HTTP response" in report.findings[0].explanation


class TestSamples:
    facts = Facts(None, False, False, 1024, sample="{}", pads=True)

    def test_a_message_keeps_its_shape_and_length(self) -> None:
        said = in_samples(say("x", *fragments(b"ab", b"", b"cdef")), self.facts)
        assert said == say("x", *fragments(b"{}", b"", b"    "))

    def test_a_message_shorter_than_the_sample_becomes_the_sample(self) -> None:
        assert in_samples(say("x", *fragments(b"", b"a")), self.facts) == say("x", *fragments(b"", b"{}"))

    def test_what_is_wrong_stays_wrong(self) -> None:
        broken = say("x", Frame(Opcode.TEXT, b"\xff", mask=MASK), Frame(Opcode.TEXT, b"bare"))
        assert in_samples(broken, self.facts) == broken

    def test_only_whole_texts_are_said_otherwise(self) -> None:
        other = Conversation("x", (Raw(b"\x81"), *say("x", Frame(Opcode.PING, b"p", mask=MASK)).actions))
        assert in_samples(other, self.facts) == other


def test_a_plain_conversation_says_the_same_to_an_application() -> None:
    ping = Frame(Opcode.PING, b"p", mask=MASK)
    first, second = fragments(b"a", b"b")
    plain = plainly(say("x", first, ping, second, Frame(Opcode.TEXT, b"c", mask=b"abcd"), cuts=(1, 2)))
    whole, last = Frame(Opcode.TEXT, b"ab", mask=MASK), Frame(Opcode.TEXT, b"c", mask=MASK)
    assert plain == say("x", whole, last, cuts=(len(whole.encode()),))

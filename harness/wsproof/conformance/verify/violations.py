"""Find the violations in a transcript. Pure: it does no input or output."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from wsproof.conformance.endpoint_profile import BARRIER, DROPPED, HTTP, EndpointProfile, Message
from wsproof.conformance.exchange.timeouts import AnswerKind
from wsproof.conformance.exchange.transcript import Transcript
from wsproof.conformance.oracle.frames import ConnectionOutcome, Expectation
from wsproof.conformance.oracle.handshake import HandshakeAnswer, HandshakeExpectation
from wsproof.conformance.rules.handshake import OFFERS_OF_SUBPROTOCOLS
from wsproof.conformance.script import Script, ScriptEnd, SendFrame
from wsproof.wire import Breach, CloseCode, Frame, Opcode

__all__ = ["OF_ITS_DEFLATER", "RuleViolation", "leaves_open", "verify"]

# A server that answers a legal close frame with one of these codes has treated it as an error.
_FAILURES = (CloseCode.PROTOCOL_ERROR, CloseCode.INVALID_PAYLOAD)
# Requests that a server may refuse for their form, but must answer.
_TAKEN_OR_REFUSED = ("header-limits", "header-folding", "handshake-body", "host-once", "subprotocol-malformed")
# Rules that hold for every close, whatever its reason.
_AFTER_THE_CLOSE = ("close-ends-tcp", "fail-ends-tcp", "half-close-ends")
# Illegal close frames that a server could mistake for legal ones.
_CLOSE_FAULTS = ("close-one-byte", "close-code-legal")
SUBPROTOCOL_RULES = ("subprotocol-lines", "subprotocol-after-unknown")
# Rules about the server's own compression: data that cannot be inflated violates that very rule.
OF_ITS_DEFLATER = ("deflate-server-context", "deflate-server-window")


@dataclass(frozen=True, slots=True)
class RuleViolation:
    """A violated rule: what was expected, and what the server did instead, as a clause.

    `awaited`: only a timeout showed the violation, and this kind of answer was missing. `own_reasons`: the server
    closed after a well-formed message, with a code that the application may have chosen because of the message's
    content.
    """

    rule: str
    expected: str
    got: str
    awaited: AnswerKind | None = None
    own_reasons: bool = False
    needs_codes: bool = False
    """A violation only of a server that sends a close code when it fails a connection for another error."""

    @property
    def by_silence(self) -> bool:
        """Whether only a timeout showed the violation."""
        return self.awaited is not None


def leaves_open(expected: Expectation, transcript: Transcript, facts: EndpointProfile) -> bool:
    """Whether the application may have ended the connection because of a message, which is no violation.

    Only well-formed messages reach an application. But an application that accepts only some messages may refuse others
    at their first frame, before the server has checked the rest.
    """
    if not expected.messages and not (facts.is_selective and expected.has_data):
        return False
    if transcript.http:
        return True
    close = transcript.close
    if close is None:
        drops = DROPPED in facts.refusals or not (facts.echoes or expected.fate is ConnectionOutcome.FAILED)
        return transcript.ended and not transcript.at_barrier and drops
    if not facts.may_close_with(close.code):
        return False
    if expected.fate is ConnectionOutcome.OPEN and transcript.at_barrier:
        # Otherwise the server answers the client's final close frame.
        answers = close.code == 1000 or (close.code is None and str(None) not in facts.refusals)
        return not answers and not expected.replies
    return not (expected.fate is ConnectionOutcome.CLOSED and close.code == expected.close_code)


def verify(
    conversation: Script,
    greeting: HandshakeExpectation,
    expected: Expectation,
    facts: EndpointProfile,
    transcript: Transcript,
) -> list[RuleViolation]:
    """Return every violation that this script shows, each rule once, with its most important reason."""
    violations: dict[str, RuleViolation] = {}
    bench = _Verifier(conversation, greeting, expected, facts, transcript)
    for violation in bench.violations():
        violations.setdefault(violation.rule, violation)
    return list(violations.values())


@dataclass
class _Verifier:
    conversation: Script
    greeting: HandshakeExpectation
    expected: Expectation
    facts: EndpointProfile
    transcript: Transcript

    def _is_about_websocket(self) -> bool:
        """Whether the answer is about WebSocket.

        False if the request asked for another protocol and the 101 agrees to that.
        """
        response = self.transcript.response
        if response is None or response.status != 101 or self.greeting.rule != "upgrade-required":
            return True
        return "websocket" in ",".join(response.header_values("Upgrade")).lower()

    def violations(self) -> Iterator[RuleViolation]:
        if not self._is_about_websocket():
            return
        if self.conversation.pipelined:
            yield from self._pipelined()
            return
        for breach in self.transcript.breaches:
            if breach.rule == "accept-wrong" and self.greeting.rule == "key-once":
                continue  # RFC 6455 does not define which of several keys counts.
            if breach.rule == "version-not-named":
                continue  # `version-named` checks the same for every status.
            if breach.rule == "deflate-parameters" and self.greeting.must_decline:
                continue  # `deflate-declined` reports the same.
            yield self._breach(breach)
        response = self.transcript.response
        if response is None or response.status != 101:
            yield from self._not_accepted()
        elif self.greeting.answer is HandshakeAnswer.REFUSE:
            yield self._violation(self.greeting.rule, self._expected_refusal(), "the server accepted it (101)")
        elif not self._closed_over_the_offer():
            if self.greeting.rule in ("key-once", "key-decodes", "version-draft", "host-once"):
                yield self._violation(self.greeting.rule, self._expected_refusal(), self._accepted_said())
            yield from self._agreed_against_the_rules()
            yield from self._selected_otherwise()
            if self.transcript.http:  # What stands behind an HTTP response cannot be read as frames.
                yield from self._refused_by_http()
            else:
                yield from self._own_close() if self.facts.closes_unasked else self._after_101()

    def _closed_over_the_offer(self) -> bool:
        """Whether the application closed over an odd offer of subprotocols, into which some clients put a token."""
        close, transcript = self.transcript.close, self.transcript
        if self.greeting.rule not in OFFERS_OF_SUBPROTOCOLS or transcript.at_barrier or not transcript.ended:
            return False
        return close is None or self.facts.may_close_with(close.code)

    def _breach(self, breach: Breach) -> RuleViolation:
        evidence = breach.evidence.rstrip(".")
        if breach.rule == "deflate-data" and self.conversation.subject in OF_ITS_DEFLATER:
            agreed = self._agreed_said()
            return self._violation(
                self.conversation.subject, f"messages that can be read by what was agreed ({agreed})", evidence
            )
        is_http = bool(self.transcript.http) and leaves_open(self.expected, self.transcript, self.facts)
        return RuleViolation(f"server-{breach.rule}", breach.sentence, evidence, own_reasons=is_http)

    def _agreed_said(self) -> str:
        response = self.transcript.response
        return ", ".join(response.header_values("Sec-WebSocket-Extensions")) if response is not None else ""

    def _agreed_against_the_rules(self) -> Iterator[RuleViolation]:
        if self.greeting.must_decline and self._agreed_said():
            expected = f"permessage-deflate to be declined, since {self.greeting.must_decline}"
            yield self._violation("deflate-declined", expected, f"the answer was {self._agreed_said()!a}")

    def _selected_otherwise(self) -> Iterator[RuleViolation]:
        """Check that the same offer, written differently, leads to the same subprotocol."""
        response = self.transcript.response
        if self.conversation.subject not in SUBPROTOCOL_RULES or response is None:
            return
        selected = response.header("Sec-WebSocket-Protocol")
        if selected != self.facts.subprotocol:
            usual = f"{self._selected_said(self.facts.subprotocol)}, as for the offer in one line"
            yield self._violation(self.conversation.subject, usual, f"it selected {self._selected_said(selected)}")

    @staticmethod
    def _selected_said(name: str | None) -> str:
        return "no subprotocol" if name is None else f"the subprotocol {name!a}"

    # The handshake.

    def _pipelined(self) -> Iterator[RuleViolation]:
        """Report any failure of pipelined frames as `pipelined-frames`.

        The client breaks 4.1, so this is no violation by the server.
        """
        answered = self.transcript.response is not None and self.transcript.response.status == 101
        violations = list(self._after_101() if answered else self._not_accepted())
        if violations or self.transcript.breaches:
            got = violations[0].got if violations else self.transcript.breaches[0].evidence
            yield self._violation("pipelined-frames", "frames behind the handshake to be read after it", got)

    def _may_be_held(self) -> bool:
        """Whether the missing answer may be up to the application: without Upgrade this is an ordinary request."""
        return self.greeting.rule == "upgrade-required" and not self.transcript.ended

    def _expected_refusal(self) -> str:
        return f"the handshake to be refused, since {self.greeting.because}"

    def _accepted_said(self) -> str:
        return f"it accepted a handshake (101) in which {self.greeting.because}"

    def _not_accepted(self) -> Iterator[RuleViolation]:
        response, greeting = self.transcript.response, self.greeting
        got = self._said()
        if greeting.answer is HandshakeAnswer.REFUSE:
            if response is None and not self._may_be_held():
                yield self._violation("refusal-answered", f"an HTTP refusal, since {greeting.because}", got)
            elif response is not None and greeting.owes_versions and not response.header("Sec-WebSocket-Version"):
                named = "the refusal to name the versions that the server speaks in Sec-WebSocket-Version"
                yield self._violation("version-named", named, f"{got} without that header")
        elif greeting.illegal_offer and response is not None and 400 <= response.status < 500:
            expected = f"an offer to be declined, and no more, since {greeting.illegal_offer}"
            yield self._violation("deflate-bad-offer-connects", expected, got)
        elif greeting.answer is HandshakeAnswer.ACCEPT:
            yield self._violation(self.conversation.subject, "a legal handshake to be accepted with 101", got)
        elif greeting.rule in _TAKEN_OR_REFUSED:
            if response is None or not 400 <= response.status < 500:
                yield self._violation(greeting.rule, f"101 or an answer of 4xx, though {greeting.because}", got)
        elif greeting.rule == "upgrade-list":
            yield self._violation(greeting.rule, f"101, though {greeting.because}", f"{got}, since {greeting.because}")

    # After 101.

    def _own_close(self) -> Iterator[RuleViolation]:
        """Check the close of an endpoint that closes by itself; the client has answered its close frame."""
        if self.transcript.close is not None and not self.transcript.ended:
            yield self._violation("close-ends-tcp", "the server to end TCP after the close frames", self._said())

    def _refused_by_http(self) -> Iterator[RuleViolation]:
        """Check that an application that accepts only some messages did not refuse one that it is known to accept."""
        is_refusal = self.facts.is_selective or HTTP in self.facts.refusals
        if is_refusal and self.expected.fate is ConnectionOutcome.OPEN and not self.transcript.at_barrier:
            yield from self._open()

    def _after_101(self) -> Iterator[RuleViolation]:
        if self.conversation.ending is ScriptEnd.RESET:
            return
        yield from self._messages()
        if self.conversation.ending is ScriptEnd.HALF_CLOSE:
            if not self.transcript.ended and "half-close-ends" not in self.transcript.skipped:
                yield self._violation("half-close-ends", "the server to end its side of TCP too", self._said())
            return
        if not self.transcript.in_time and self.expected.fate is ConnectionOutcome.OPEN:
            yield self._violation("pong-prompt", "a pong before the message has ended", "none came until then")
        match self.expected.fate:
            case ConnectionOutcome.OPEN:
                yield from self._open()
            case ConnectionOutcome.CLOSED:
                yield from self._closing(self.expected.close_code, self.conversation.subject)
            case ConnectionOutcome.FAILED:
                yield from self._failed()
            case ConnectionOutcome.FREE:
                yield from self._free()

    def _messages(self) -> Iterator[RuleViolation]:
        if not self.facts.echoes or self.expected.silent or self.transcript.dropped:
            return  # An unreadable message is reported as a violation of its own.
        got, replies = self._answers(), self.expected.replies
        for index, message in enumerate(got):
            if index >= len(replies):
                if message in [self.facts.reply_to(stray) for stray in self.expected.stray]:
                    answered = f"it answered {message.describe()}"
                    yield self._shown("close-is-last", "a message behind our close frame to be discarded", answered)
                elif self.expected.fate in (ConnectionOutcome.OPEN, ConnectionOutcome.CLOSED):
                    more = f"one more came: {message.describe()}"
                    name = self.conversation.subject if self.expected.in_frame else "messages-intact"
                    yield self._shown(name, _count(len(replies), "message"), more)
                return
            if message != replies[index]:
                name = self.conversation.subject if message not in replies else "messages-intact"
                yield self._shown(name, f"the answer {replies[index].describe()}", f"{message.describe()} came")
                return
        must_come = self.expected.fate is ConnectionOutcome.OPEN or self.expected.may_refuse
        if self.transcript.at_barrier and len(got) < len(replies) and must_come:
            missing = f"the answer {replies[len(got)].describe()}"
            yield self._shown(self.conversation.subject, missing, "only the answer to a later message came")

    def _open(self) -> Iterator[RuleViolation]:
        subject, transcript = self.conversation.subject, self.transcript
        pings = self.expected.pings
        if self.expected.in_frame:
            return
        if not transcript.at_barrier:
            ends = transcript.ended or transcript.close is not None
            expected = "the connection to stay open and to answer" if ends else "an answer to"
            if subject == "other-clients-served" and not self.conversation.actions:
                expected = "a new client to be served as the first one was, with an answer to"
            count = f"after {len(pings)} pings in one write " if subject == "ping-burst" else ""
            yield self._violation(subject, f"{expected} a final {self._barrier_name()}", f"{count}{self._said()}")
            return
        if not transcript.barrier_pong:
            yield self._violation("ping-answered", f"a pong with {BARRIER!r}", self._pongs_said())
        elif (unanswered := self._answered_wrongly(pings)) is not None:
            yield self._violation("ping-answered", f"a pong with {_bytes_said(unanswered)}", self._pongs_said())
        if not self._may_be_dropped():
            yield from self._closing(1000, "close-answered")

    def _may_be_dropped(self) -> bool:
        """Whether the application may have ended TCP over one of the messages, before the final close frame came.

        It may answer pings until it reads the message, and the message may have reached it altered, which the script's
        own rule reports. Only the replies to all messages show that the application took them.
        """
        if self.transcript.close is not None or not self.transcript.ended or not self.expected.messages:
            return False
        return not self.facts.echoes or self.expected.silent or self._answers() != self.expected.replies

    def _answers(self) -> list[Message]:
        """The messages that came, without the reply to the barrier."""
        barrier = self.facts.reply_to(self.facts.barrier) if self.facts.barrier is not None else None
        return [message for message in self.transcript.messages if message != barrier]

    def _answered_wrongly(self, pings: list[bytes]) -> bytes | None:
        """The payload of a ping that got a pong with another payload; None if there is no such ping.

        A server may leave a ping unanswered when a newer one came (5.5.3), and the barrier's ping is the newest. It may
        also send unsolicited pongs (5.5.3), among them echoes of the client's pongs. Only a ping without its pong
        together with a pong without its ping shows a wrong payload.
        """
        sent = {frame.payload for frame in self._sent_frames() if frame.opcode == Opcode.PONG}
        asked = {*pings, BARRIER.encode()}
        if all(pong in asked | sent for pong in self.transcript.pongs):
            return None
        return next((ping for ping in pings if ping not in self.transcript.pongs), None)

    def _sent_frames(self) -> Iterator[Frame]:
        return (action.frame for action in self.conversation.actions if isinstance(action, SendFrame))

    def _closing(self, code: int | None, subject: str) -> Iterator[RuleViolation]:
        transcript = self.transcript
        if transcript.close is None:
            # If the server closes a socket with unread data, its system sends a reset, which destroys the close frame.
            was_destroyed = transcript.was_reset and self.expected.stray
            if "close-answered" not in transcript.skipped and not was_destroyed:
                yield self._violation(subject, "a close frame in answer to ours", self._said())
            return
        answer = transcript.close.code
        if code is not None and answer != code and not self._refuses_a_text():
            where = " to one inside a message" if self.expected.in_message else ""
            expected = f"a close frame with {code} in answer{where}"
            sent = "no code" if answer is None else str(answer)
            yield self._violation(self._wrong_code(subject), expected, f"one with {sent} answered our {code}")
        if not transcript.ended and "close-ends-tcp" not in transcript.skipped:
            yield self._violation("close-ends-tcp", "the server to end TCP after the close frames", self._said())

    def _refuses_a_text(self) -> bool:
        """Whether the server's close code may refer to a text before the client's close frame, even an unfinished one.

        1007 says that a message's data does not match its type (7.4.1), for example invalid JSON.
        """
        assert self.transcript.close is not None
        return self.transcript.close.code == CloseCode.INVALID_PAYLOAD and self.expected.has_data

    def _wrong_code(self, subject: str) -> str:
        """The rule that another close code violates, in an answer to a legal close frame.

        No rule demands that the code comes back (5.5.1: typically). But a code for an error refuses a legal frame. A
        close frame inside a message is legal too: an endpoint need not finish its message before it closes.
        """
        assert self.transcript.close is not None
        if self.transcript.close.code not in _FAILURES:
            return "close-code-echoed"
        if self.expected.in_message:
            return "close-in-message-legal"
        return subject if subject in ("close-answered", "close-reason", "close-code-later") else "close-code-echoed"

    def _failed(self) -> Iterator[RuleViolation]:
        transcript, expected = self.transcript, self.expected
        because = f"the connection to fail because of {expected.because}"
        if expected.in_frame:
            return
        if transcript.close is None and not transcript.ended:
            yield self._violation(expected.rule, because, self._said())
            return
        # For an unmasked frame, 5.1 leaves the close frame to the server. A reset may have discarded the close frame:
        # the kernel resets TCP if a server closes its socket while bytes of ours are unread.
        if transcript.close is None and expected.rule != "mask-required" and not transcript.was_reset:
            yield self._violation(
                "fail-close-frame", "a close frame before TCP ends", f"after {expected.because} {self._said()}"
            )
        elif self._is_taken_for_clean():
            found = self._violation(expected.rule, because, f"{self._said()}, as after a clean close")
            yield replace(found, needs_codes=transcript.close is not None and transcript.close.code is None)
        elif (
            transcript.close is not None
            and transcript.close.code is not None
            and expected.codes
            and transcript.close.code not in expected.codes
        ):
            fitting = " or ".join(str(int(code)) for code in sorted(expected.codes))
            name = "close-code-legal" if expected.rule == "close-code-legal" else "fail-code"
            yield self._violation(name, f"{because} with close code {fitting}", self._said())
        if not transcript.ended and "fail-ends-tcp" not in transcript.skipped:
            yield self._violation("fail-ends-tcp", "TCP to end after the connection has failed", self._said())

    def _is_taken_for_clean(self) -> bool:
        """Whether the server answered an illegal close frame like a legal one.

        That answer is 1000, or no code. Without a code, the violation depends on how the server reports other errors.
        """
        close = self.transcript.close
        if close is None or self.expected.rule not in _CLOSE_FAULTS:
            return False
        is_normal = close.code == CloseCode.NORMAL_CLOSURE and self.expected.rule == "close-one-byte"
        return is_normal or close.code is None

    def _free(self) -> Iterator[RuleViolation]:
        name = self.expected.rule
        if name == "deflate-bomb" and self.transcript.at_barrier:
            yield self._violation(
                name, "a message that inflates hugely to be refused (1009)", f"it was taken: {self.expected.because}"
            )
        elif name and self.transcript.at_barrier and not self.expected.in_frame:
            left = f"the connection to go on or to fail after {self.expected.because}"
            yield self._violation(name, left, f"it went on after {self.expected.because}")

    # Descriptions.

    def _violation(self, name: str, expected: str, got: str) -> RuleViolation:
        own = name not in _AFTER_THE_CLOSE and leaves_open(self.expected, self.transcript, self.facts)
        return RuleViolation(name, expected, got, awaited=self._awaited(name), own_reasons=own)

    def _awaited(self, name: str) -> AnswerKind | None:
        """The kind of missing answer, if only a timeout showed the violation."""
        transcript = self.transcript
        is_shown = transcript.ended or (transcript.close is not None and name not in _AFTER_THE_CLOSE)
        return None if is_shown else transcript.awaited

    def _shown(self, name: str, expected: str, got: str) -> RuleViolation:
        """A violation that the server's traffic shows, without a timeout."""
        return replace(self._violation(name, expected, got), awaited=None)

    def _barrier_name(self) -> str:
        return "ping and message" if self.facts.echoes and not self.expected.in_message else "ping"

    def _pongs_said(self) -> str:
        pongs = self.transcript.pongs
        if not pongs:
            return "no pong came"
        return f"the {'pong' if len(pongs) == 1 else 'pongs'} had {', '.join(_bytes_said(pong) for pong in pongs[:5])}"

    def _said(self) -> str:
        """The server's last action, as a clause."""
        transcript, response = self.transcript, self.transcript.response
        if response is not None and response.status == 0:
            return "its answer was no HTTP response"
        did: list[str] = []
        if transcript.http:
            did.append(f"answered {transcript.http!r} behind the upgrade")
        if response is not None and response.status != 101:
            did.append(f"answered {response.describe()}")
        if transcript.at_barrier:
            did.append("went on and answered what came later")
        elif transcript.close is not None:
            code = "no code" if transcript.close.code is None else f"code {transcript.close.code}"
            reason = f" {transcript.close.reason!a}" if transcript.close.reason else ""
            did.append(f"sent a close frame with {code}{reason}")
        if transcript.ended and (not transcript.at_barrier or transcript.close is None):
            did.append("reset TCP" if transcript.was_reset else "ended TCP")
        elif transcript.waited_s is not None:
            silence = f"nothing came for {transcript.waited_s:g} s"
            return f"it {' and '.join(did)}, then {silence}" if did else silence
        return f"it {' and '.join(did)}" if did else "nothing came"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _bytes_said(data: bytes) -> str:
    """A payload for a sentence."""
    if not data:
        return "no payload"
    shown = ascii(data.decode()) if data.isascii() and data.decode().isprintable() else f"0x{data[:20].hex()}"
    return shown if len(data) <= 20 else f"{shown[:22]}... ({len(data)} bytes)"

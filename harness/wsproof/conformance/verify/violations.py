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

__all__ = ["SERVER_DEFLATE_RULES", "RuleViolation", "may_be_application_close", "verify"]

# A server that answers a legal close frame with one of these codes has treated it as an error.
_FAILURES = (CloseCode.PROTOCOL_ERROR, CloseCode.INVALID_PAYLOAD)
# Requests that a server may refuse for their form, but must answer.
_ACCEPTED_OR_REFUSED = ("header-limits", "header-folding", "handshake-body", "host-once", "subprotocol-malformed")
# Rules that hold for every close, whatever its reason.
_AFTER_THE_CLOSE = ("close-ends-tcp", "fail-ends-tcp", "half-close-ends")
# Illegal close frames that a server could mistake for legal ones.
_CLOSE_FAULTS = ("close-one-byte", "close-code-legal")
SUBPROTOCOL_RULES = ("subprotocol-lines", "subprotocol-after-unknown")
# Rules about the server's own compression: data that cannot be inflated violates that very rule.
SERVER_DEFLATE_RULES = ("deflate-server-context", "deflate-server-window")


@dataclass(frozen=True, slots=True)
class RuleViolation:
    """A violated rule: what was expected, and what the server did instead, as a clause.

    `awaited`: only a timeout showed the violation, and this kind of answer was missing. `may_be_application`: the
    server closed after a well-formed message, with a code that the application may have chosen because of the content
    of the message.
    """

    rule: str
    expected: str
    got: str
    awaited: AnswerKind | None = None
    may_be_application: bool = False
    needs_codes: bool = False
    """A violation only of a server that sends a close code when it fails a connection for another error."""

    @property
    def by_silence(self) -> bool:
        """Whether only a timeout showed the violation."""
        return self.awaited is not None


def may_be_application_close(expected: Expectation, transcript: Transcript, profile: EndpointProfile) -> bool:
    """Whether the application may have ended the connection because of a message, which is no violation.

    Only well-formed messages reach an application. But an application that accepts only some messages may refuse others
    at their first frame, before the server has checked the rest.
    """
    if not expected.messages and not (profile.is_selective and expected.has_data):
        return False
    if transcript.http:
        return True
    close = transcript.close
    if close is None:
        drops = DROPPED in profile.refusals or not (profile.echoes or expected.outcome is ConnectionOutcome.FAILED)
        return transcript.ended and not transcript.at_barrier and drops
    if not profile.may_close_with(close.code):
        return False
    if expected.outcome is ConnectionOutcome.OPEN and transcript.at_barrier:
        # Otherwise the server answers the client's final close frame.
        answers = close.code == 1000 or (close.code is None and str(None) not in profile.refusals)
        return not answers and not expected.replies
    return not (expected.outcome is ConnectionOutcome.CLOSED and close.code == expected.close_code)


def verify(
    script: Script,
    handshake: HandshakeExpectation,
    expected: Expectation,
    profile: EndpointProfile,
    transcript: Transcript,
) -> list[RuleViolation]:
    """Return every violation that this script shows, each rule once, with its most important reason."""
    violations: dict[str, RuleViolation] = {}
    verifier = _Verifier(script, handshake, expected, profile, transcript)
    for violation in verifier.violations():
        violations.setdefault(violation.rule, violation)
    return list(violations.values())


@dataclass
class _Verifier:
    script: Script
    handshake: HandshakeExpectation
    expected: Expectation
    profile: EndpointProfile
    transcript: Transcript

    def _is_about_websocket(self) -> bool:
        """Whether the answer is about WebSocket.

        False if the request asked for another protocol and the 101 agrees to that.
        """
        response = self.transcript.response
        if response is None or response.status != 101 or self.handshake.rule != "upgrade-required":
            return True
        return "websocket" in ",".join(response.header_values("Upgrade")).lower()

    def violations(self) -> Iterator[RuleViolation]:
        if not self._is_about_websocket():
            return
        if self.script.pipelined:
            yield from self._pipelined()
            return
        for breach in self.transcript.breaches:
            if breach.rule == "accept-wrong" and self.handshake.rule == "key-once":
                continue  # RFC 6455 does not define which of several keys counts.
            if breach.rule == "version-not-named":
                continue  # `version-named` checks the same for every status.
            if breach.rule == "deflate-parameters" and self.handshake.must_decline:
                continue  # `deflate-declined` reports the same.
            yield self._breach_violation(breach)
        response = self.transcript.response
        if response is None or response.status != 101:
            yield from self._not_accepted()
        elif self.handshake.answer is HandshakeAnswer.REFUSE:
            yield self._violation(self.handshake.rule, self._expected_refusal(), "the server accepted it (101)")
        elif not self._closed_because_of_offer():
            if self.handshake.rule in ("key-once", "key-decodes", "version-draft", "host-once"):
                yield self._violation(self.handshake.rule, self._expected_refusal(), self._acceptance())
            yield from self._must_have_declined()
            yield from self._wrong_subprotocol()
            if self.transcript.http:  # What follows an HTTP response cannot be read as frames.
                yield from self._refused_by_http()
            else:
                yield from self._wrong_own_close() if self.profile.closes_unasked else self._after_101()

    def _closed_because_of_offer(self) -> bool:
        """Whether the application closed because of an unusual offer of subprotocols, which may carry a token."""
        close, transcript = self.transcript.close, self.transcript
        if self.handshake.rule not in OFFERS_OF_SUBPROTOCOLS or transcript.at_barrier or not transcript.ended:
            return False
        return close is None or self.profile.may_close_with(close.code)

    def _breach_violation(self, breach: Breach) -> RuleViolation:
        evidence = breach.evidence.rstrip(".")
        if breach.rule == "deflate-data" and self.script.subject in SERVER_DEFLATE_RULES:
            agreed = self._agreed_extensions()
            return self._violation(
                self.script.subject, f"messages that can be read under the agreement ({agreed})", evidence
            )
        is_http = bool(self.transcript.http) and may_be_application_close(self.expected, self.transcript, self.profile)
        return RuleViolation(f"server-{breach.rule}", breach.sentence, evidence, may_be_application=is_http)

    def _agreed_extensions(self) -> str:
        response = self.transcript.response
        return ", ".join(response.header_values("Sec-WebSocket-Extensions")) if response is not None else ""

    def _must_have_declined(self) -> Iterator[RuleViolation]:
        if self.handshake.must_decline and self._agreed_extensions():
            expected = f"permessage-deflate to be declined, since {self.handshake.must_decline}"
            yield self._violation("deflate-declined", expected, f"the answer was {self._agreed_extensions()!a}")

    def _wrong_subprotocol(self) -> Iterator[RuleViolation]:
        """Check that the same offer, written differently, leads to the same subprotocol."""
        response = self.transcript.response
        if self.script.subject not in SUBPROTOCOL_RULES or response is None:
            return
        selected = response.header("Sec-WebSocket-Protocol")
        if selected != self.profile.subprotocol:
            usual = f"{self._describe_selected(self.profile.subprotocol)}, as for the offer in one line"
            yield self._violation(self.script.subject, usual, f"it selected {self._describe_selected(selected)}")

    @staticmethod
    def _describe_selected(name: str | None) -> str:
        return "no subprotocol" if name is None else f"the subprotocol {name!a}"

    # The handshake.

    def _pipelined(self) -> Iterator[RuleViolation]:
        """Report any failure of pipelined frames as `pipelined-frames`.

        The client breaks 4.1, so this is no violation by the server.
        """
        answered = self.transcript.response is not None and self.transcript.response.status == 101
        violations = list(self._after_101() if answered else self._not_accepted())
        if violations or self.transcript.breaches:
            actual = violations[0].got if violations else self.transcript.breaches[0].evidence
            yield self._violation("pipelined-frames", "frames that follow the handshake to be read after it", actual)

    def _may_stay_unanswered(self) -> bool:
        """Whether the missing answer may be up to the application: without Upgrade this is an ordinary request."""
        return self.handshake.rule == "upgrade-required" and not self.transcript.ended

    def _expected_refusal(self) -> str:
        return f"the handshake to be refused, since {self.handshake.because}"

    def _acceptance(self) -> str:
        return f"it accepted a handshake (101) in which {self.handshake.because}"

    def _not_accepted(self) -> Iterator[RuleViolation]:
        response, handshake = self.transcript.response, self.handshake
        action = self._last_action()
        if handshake.answer is HandshakeAnswer.REFUSE:
            if response is None and not self._may_stay_unanswered():
                yield self._violation("refusal-answered", f"an HTTP refusal, since {handshake.because}", action)
            elif response is not None and handshake.must_name_versions and not response.header("Sec-WebSocket-Version"):
                named = "the refusal to name the versions that the server speaks in Sec-WebSocket-Version"
                yield self._violation("version-named", named, f"{action} without that header")
        elif handshake.illegal_offer and response is not None and 400 <= response.status < 500:
            expected = f"only the offer to be declined, since {handshake.illegal_offer}"
            yield self._violation("deflate-bad-offer-connects", expected, action)
        elif handshake.answer is HandshakeAnswer.ACCEPT:
            yield self._violation(self.script.subject, "a legal handshake to be accepted with 101", action)
        elif handshake.rule in _ACCEPTED_OR_REFUSED:
            if response is None or not 400 <= response.status < 500:
                yield self._violation(handshake.rule, f"101 or an answer of 4xx, though {handshake.because}", action)
        elif handshake.rule == "upgrade-list":
            yield self._violation(
                handshake.rule, f"101, though {handshake.because}", f"{action}, since {handshake.because}"
            )

    # After 101.

    def _wrong_own_close(self) -> Iterator[RuleViolation]:
        """Check the close of an endpoint that closes by itself; the client has answered its close frame."""
        if self.transcript.close is not None and not self.transcript.ended:
            yield self._violation("close-ends-tcp", "the server to end TCP after the close frames", self._last_action())

    def _refused_by_http(self) -> Iterator[RuleViolation]:
        """Check that an application that accepts only some messages did not refuse one that it is known to accept."""
        is_refusal = self.profile.is_selective or HTTP in self.profile.refusals
        if is_refusal and self.expected.outcome is ConnectionOutcome.OPEN and not self.transcript.at_barrier:
            yield from self._not_open()

    def _after_101(self) -> Iterator[RuleViolation]:
        if self.script.ending is ScriptEnd.RESET:
            return
        yield from self._wrong_messages()
        if self.script.ending is ScriptEnd.HALF_CLOSE:
            if not self.transcript.ended and "half-close-ends" not in self.transcript.skipped:
                yield self._violation("half-close-ends", "the server to end its side of TCP too", self._last_action())
            return
        if not self.transcript.in_time and self.expected.outcome is ConnectionOutcome.OPEN:
            yield self._violation("pong-prompt", "a pong before the message has ended", "none came until then")
        match self.expected.outcome:
            case ConnectionOutcome.OPEN:
                yield from self._not_open()
            case ConnectionOutcome.CLOSED:
                yield from self._wrong_close_answer(self.expected.close_code, self.script.subject)
            case ConnectionOutcome.FAILED:
                yield from self._not_failed()
            case ConnectionOutcome.FREE:
                yield from self._undecided()

    def _wrong_messages(self) -> Iterator[RuleViolation]:
        if not self.profile.echoes or self.expected.silent or self.transcript.dropped:
            return  # An unreadable message is reported as a violation of its own.
        answers, replies = self._answers(), self.expected.replies
        for index, message in enumerate(answers):
            if index >= len(replies):
                if message in [self.profile.reply_to(stray) for stray in self.expected.stray]:
                    answered = f"it answered {message.describe()}"
                    yield self._shown("close-is-last", "a message after our close frame to be discarded", answered)
                elif self.expected.outcome in (ConnectionOutcome.OPEN, ConnectionOutcome.CLOSED):
                    more = f"one more came: {message.describe()}"
                    name = self.script.subject if self.expected.in_frame else "messages-intact"
                    yield self._shown(name, _count(len(replies), "message"), more)
                return
            if message != replies[index]:
                name = self.script.subject if message not in replies else "messages-intact"
                yield self._shown(name, f"the answer {replies[index].describe()}", f"{message.describe()} came")
                return
        must_come = self.expected.outcome is ConnectionOutcome.OPEN or self.expected.may_refuse
        if self.transcript.at_barrier and len(answers) < len(replies) and must_come:
            missing = f"the answer {replies[len(answers)].describe()}"
            yield self._shown(self.script.subject, missing, "only the answer to a later message came")

    def _not_open(self) -> Iterator[RuleViolation]:
        subject, transcript = self.script.subject, self.transcript
        pings = self.expected.pings
        if self.expected.in_frame:
            return
        if not transcript.at_barrier:
            ends = transcript.ended or transcript.close is not None
            expected = "the connection to stay open and to answer" if ends else "an answer to"
            if subject == "other-clients-served" and not self.script.actions:
                expected = "a new client to be served as the first one was, with an answer to"
            count = f"after {len(pings)} pings in one write " if subject == "ping-burst" else ""
            yield self._violation(
                subject, f"{expected} a final {self._barrier_name()}", f"{count}{self._last_action()}"
            )
            return
        if not transcript.barrier_pong:
            yield self._violation("ping-answered", f"a pong with {BARRIER!r}", self._describe_pongs())
        elif (unanswered := self._answered_wrongly(pings)) is not None:
            yield self._violation("ping-answered", f"a pong with {_describe_bytes(unanswered)}", self._describe_pongs())
        if not self._may_be_dropped():
            yield from self._wrong_close_answer(1000, "close-answered")

    def _may_be_dropped(self) -> bool:
        """Whether the application may have ended TCP over one of the messages, before the final close frame came.

        It may answer pings until it reads the message, and the message may have reached it altered, which the script's
        own rule reports. Only the replies to all messages show that the application took them.
        """
        if self.transcript.close is not None or not self.transcript.ended or not self.expected.messages:
            return False
        return not self.profile.echoes or self.expected.silent or self._answers() != self.expected.replies

    def _answers(self) -> list[Message]:
        """The messages that came, without the reply to the barrier."""
        barrier = self.profile.reply_to(self.profile.barrier) if self.profile.barrier is not None else None
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
        return (action.frame for action in self.script.actions if isinstance(action, SendFrame))

    def _wrong_close_answer(self, code: int | None, subject: str) -> Iterator[RuleViolation]:
        transcript = self.transcript
        if transcript.close is None:
            # If the server closes a socket with unread data, its system sends a reset, which destroys the close frame.
            was_destroyed = transcript.was_reset and self.expected.stray
            if "close-answered" not in transcript.skipped and not was_destroyed:
                yield self._violation(subject, "a close frame in answer to ours", self._last_action())
            return
        answer = transcript.close.code
        if code is not None and answer != code and not self._refuses_a_text():
            where = " to one inside a message" if self.expected.in_message else ""
            expected = f"a close frame with {code} in answer{where}"
            sent = "no code" if answer is None else str(answer)
            yield self._violation(self._wrong_code(subject), expected, f"one with {sent} answered our {code}")
        if not transcript.ended and "close-ends-tcp" not in transcript.skipped:
            yield self._violation("close-ends-tcp", "the server to end TCP after the close frames", self._last_action())

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

    def _not_failed(self) -> Iterator[RuleViolation]:
        transcript, expected = self.transcript, self.expected
        because = f"the connection to fail because of {expected.because}"
        if expected.in_frame:
            return
        if transcript.close is None and not transcript.ended:
            yield self._violation(expected.rule, because, self._last_action())
            return
        # For an unmasked frame, 5.1 leaves the close frame to the server. A reset may have discarded the close frame:
        # the kernel resets TCP if a server closes its socket while bytes of ours are unread.
        if transcript.close is None and expected.rule != "mask-required" and not transcript.was_reset:
            yield self._violation(
                "fail-close-frame", "a close frame before TCP ends", f"after {expected.because} {self._last_action()}"
            )
        elif self._is_taken_for_clean():
            violation = self._violation(expected.rule, because, f"{self._last_action()}, as after a clean close")
            yield replace(violation, needs_codes=transcript.close is not None and transcript.close.code is None)
        elif (
            transcript.close is not None
            and transcript.close.code is not None
            and expected.codes
            and transcript.close.code not in expected.codes
        ):
            fitting = " or ".join(str(int(code)) for code in sorted(expected.codes))
            name = "close-code-legal" if expected.rule == "close-code-legal" else "fail-code"
            yield self._violation(name, f"{because} with close code {fitting}", self._last_action())
        if not transcript.ended and "fail-ends-tcp" not in transcript.skipped:
            yield self._violation("fail-ends-tcp", "TCP to end after the connection has failed", self._last_action())

    def _is_taken_for_clean(self) -> bool:
        """Whether the server answered an illegal close frame like a legal one.

        That answer is 1000, or no code. Without a code, the violation depends on how the server reports other errors.
        """
        close = self.transcript.close
        if close is None or self.expected.rule not in _CLOSE_FAULTS:
            return False
        is_normal = close.code == CloseCode.NORMAL_CLOSURE and self.expected.rule == "close-one-byte"
        return is_normal or close.code is None

    def _undecided(self) -> Iterator[RuleViolation]:
        name = self.expected.rule
        if name == "deflate-bomb" and self.transcript.at_barrier:
            yield self._violation(
                name,
                "a message that inflates to a huge one to be refused (1009)",
                f"the server accepted it: {self.expected.because}",
            )
        elif name and self.transcript.at_barrier and not self.expected.in_frame:
            left = f"the connection to go on or to fail after {self.expected.because}"
            yield self._violation(name, left, f"it went on after {self.expected.because}")

    # Descriptions.

    def _violation(self, name: str, expected: str, got: str) -> RuleViolation:
        own = name not in _AFTER_THE_CLOSE and may_be_application_close(self.expected, self.transcript, self.profile)
        return RuleViolation(name, expected, got, awaited=self._awaited(name), may_be_application=own)

    def _awaited(self, name: str) -> AnswerKind | None:
        """The kind of missing answer, if only a timeout showed the violation."""
        transcript = self.transcript
        is_shown = transcript.ended or (transcript.close is not None and name not in _AFTER_THE_CLOSE)
        return None if is_shown else transcript.awaited

    def _shown(self, name: str, expected: str, got: str) -> RuleViolation:
        """A violation that the server's traffic shows, without a timeout."""
        return replace(self._violation(name, expected, got), awaited=None)

    def _barrier_name(self) -> str:
        return "ping and message" if self.profile.echoes and not self.expected.in_message else "ping"

    def _describe_pongs(self) -> str:
        pongs = self.transcript.pongs
        if not pongs:
            return "no pong came"
        return (
            f"the {'pong' if len(pongs) == 1 else 'pongs'} had {', '.join(_describe_bytes(pong) for pong in pongs[:5])}"
        )

    def _last_action(self) -> str:
        """The server's last action, as a clause."""
        transcript, response = self.transcript, self.transcript.response
        if response is not None and response.status == 0:
            return "its answer was no HTTP response"
        did: list[str] = []
        if transcript.http:
            did.append(f"answered {transcript.http!r} after the upgrade")
        if response is not None and response.status != 101:
            did.append(f"answered {response.describe()}")
        if transcript.at_barrier:
            did.append("went on and answered later frames")
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


def _describe_bytes(data: bytes) -> str:
    """A payload for a sentence."""
    if not data:
        return "no payload"
    shown = ascii(data.decode()) if data.isascii() and data.decode().isprintable() else f"0x{data[:20].hex()}"
    return shown if len(data) <= 20 else f"{shown[:22]}... ({len(data)} bytes)"

"""From a transcript to the rules that were broken. Pure: what it cannot see in the transcript, it ignores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wsproof.rfc6455.conversation import Conversation, Ending
from wsproof.rfc6455.facts import Facts, Message
from wsproof.rfc6455.greeting import Answer, Greeting
from wsproof.rfc6455.oracle import Expectation, Fate
from wsproof.rfc6455.transcript import BARRIER, Transcript
from wsproof.wire import CloseCode, Opcode

__all__ = ["Charge", "judge"]

# Who answers a legal close frame with one of these has taken it for a fault.
_FAILURES = (CloseCode.PROTOCOL_ERROR, CloseCode.INVALID_PAYLOAD)


@dataclass(frozen=True, slots=True)
class Charge:
    """A broken rule: what was owed, and what came instead. `by_silence`: only a deadline showed it."""

    rule: str
    expected: str
    got: str
    by_silence: bool = False


def judge(
    conversation: Conversation, greeting: Greeting, expected: Expectation, facts: Facts, transcript: Transcript
) -> list[Charge]:
    """Every rule that this conversation shows to be broken, each once, the heaviest reason first."""
    charges: dict[str, Charge] = {}
    bench = _Bench(conversation, greeting, expected, facts, transcript)
    for charge in bench.charges():
        charges.setdefault(charge.rule, charge)
    return list(charges.values())


@dataclass
class _Bench:
    conversation: Conversation
    greeting: Greeting
    expected: Expectation
    facts: Facts
    transcript: Transcript

    def _is_about_websocket(self) -> bool:
        """False when the request asked for another protocol, and the 101 agrees to that one."""
        response = self.transcript.response
        if response is None or response.status != 101 or self.greeting.rule != "upgrade-required":
            return True
        return "websocket" in ",".join(response.header_values("Upgrade")).lower()

    def charges(self) -> Iterator[Charge]:
        if not self._is_about_websocket():
            return
        for breach in self.transcript.breaches:
            if breach.rule == "accept-wrong" and self.greeting.rule == "key-once":
                continue  # which of several keys counts is not defined
            if breach.rule == "version-not-named":
                continue  # `version-named` asks the same, of every status
            yield Charge(f"server-{breach.rule}", breach.sentence, breach.evidence)
        response = self.transcript.response
        if response is None or response.status != 101:
            yield from self._not_accepted()
        elif self.greeting.answer is Answer.REFUSE:
            yield self._charge(self.greeting.rule, f"a refusal, since {self.greeting.because}", "101: it was accepted")
        else:
            if self.greeting.rule in ("key-once", "key-decodes", "version-draft"):
                yield self._charge(
                    self.greeting.rule, f"a refusal, since {self.greeting.because}", "101: it was accepted"
                )
            yield from self._after_101()

    # The handshake.

    def _not_accepted(self) -> Iterator[Charge]:
        response, greeting = self.transcript.response, self.greeting
        got = self._said()
        if greeting.answer is Answer.REFUSE:
            if response is None:
                yield self._charge("refusal-answered", f"an HTTP response that refuses, since {greeting.because}", got)
            elif greeting.owes_versions and not response.header("Sec-WebSocket-Version"):
                named = "a Sec-WebSocket-Version header in the refusal that names the versions it speaks"
                yield self._charge("version-named", named, f"{got} without one")
        elif greeting.answer is Answer.ACCEPT:
            subject = self.conversation.subject
            if self.conversation.pipelined:
                subject = "pipelined-frames"
            yield self._charge(subject, "101: the handshake is legal", got)
        elif greeting.rule == "upgrade-list":
            yield self._charge(greeting.rule, f"101, though {greeting.because}", got)

    # After 101.

    def _after_101(self) -> Iterator[Charge]:
        if self.conversation.ending is Ending.RESET:
            return
        yield from self._messages()
        if self.conversation.ending is Ending.HALF_CLOSE:
            if not self.transcript.ended:
                yield self._charge("half-close-ends", "the server closes its side of TCP too", self._said())
            return
        if not self.transcript.in_time and self.expected.fate is Fate.OPEN:
            yield self._charge("pong-prompt", "the pong before the message has ended", "no pong until then")
        match self.expected.fate:
            case Fate.OPEN:
                yield from self._open()
            case Fate.CLOSED:
                yield from self._closing(self.expected.close_code, self.conversation.subject)
            case Fate.FAILED:
                yield from self._failed()
            case Fate.FREE:
                yield from self._free()

    def _messages(self) -> Iterator[Charge]:
        if not self.facts.echoes or self.expected.silent:
            return
        barrier = self.facts.reply_to(Message(Opcode.TEXT, BARRIER.encode()))
        got = [message for message in self.transcript.messages if message != barrier]
        owed = self.expected.owed
        for index, message in enumerate(got):
            if index >= len(owed):
                if message in [self.facts.reply_to(stray) for stray in self.expected.stray]:
                    yield self._charge("close-is-last", "nothing more after our close frame", message.describe())
                elif self.expected.fate in (Fate.OPEN, Fate.CLOSED):
                    yield self._charge("messages-intact", f"{len(owed)} messages", f"one more: {message.describe()}")
                return
            if message != owed[index]:
                name = self.conversation.subject if message not in owed else "messages-intact"
                yield self._charge(name, owed[index].describe(), message.describe())
                return
        if self.transcript.at_barrier and len(got) < len(owed) and self.expected.fate is Fate.OPEN:
            yield self._charge(
                self.conversation.subject, owed[len(got)].describe(), "the answer to a later message only"
            )

    def _open(self) -> Iterator[Charge]:
        subject = "pipelined-frames" if self.conversation.pipelined else self.conversation.subject
        transcript = self.transcript
        pings = self.expected.pings
        if self.expected.in_frame:
            return
        if not transcript.at_barrier:
            owed = "the connection stays open, and answers" if transcript.ended or transcript.close else "an answer"
            yield self._charge(subject, f"{owed} to a final {self._barrier_name()}", self._said())
            return
        if not transcript.barrier_pong:
            yield self._charge("ping-answered", f"a pong with {BARRIER!r}", f"pongs with {transcript.pongs}")
        elif pings and not self._answered_latest(pings):
            yield self._charge("ping-answered", f"a pong with 0x{pings[-1].hex()}", self._pongs_said())
        yield from self._closing(1000, "close-answered")

    def _answered_latest(self, pings: list[bytes]) -> bool:
        # Only the latest ping is sure to be answered (5.5.3); the barrier's own ping may stand for all before it. But a
        # server that answers with other payloads than it was sent has answered none.
        asked = {*pings, BARRIER.encode()}
        return all(pong in asked for pong in self.transcript.pongs)

    def _closing(self, code: int | None, subject: str) -> Iterator[Charge]:
        transcript = self.transcript
        if transcript.close is None:
            yield self._charge(subject, "a close frame in answer to ours", self._said())
            return
        answer = transcript.close.code
        if code is not None and answer != code:
            failed = answer in _FAILURES and subject in ("close-answered", "close-reason")
            got = "no code" if answer is None else str(answer)
            name = subject if failed else "close-code-echoed"
            yield self._charge(name, f"a close frame with {code}", f"one with {got}")
        if not transcript.ended:
            yield self._charge("close-ends-tcp", "the server ends TCP", self._said())

    def _failed(self) -> Iterator[Charge]:
        transcript, expected = self.transcript, self.expected
        because = f"the connection fails because of: {expected.because}"
        if expected.in_frame:
            return
        if transcript.close is None and not transcript.ended:
            yield self._charge(expected.rule, because, self._said())
            return
        if transcript.close is None:
            yield self._charge("fail-says-why", "a close frame before TCP ends", self._said())
        elif transcript.close.code is not None and expected.codes and transcript.close.code not in expected.codes:
            fitting = " or ".join(str(int(code)) for code in sorted(expected.codes))
            name = "close-code-legal" if expected.rule == "close-code-legal" else "fail-code"
            yield self._charge(name, f"{because}, with close code {fitting}", f"close code {transcript.close.code}")
        if not transcript.ended:
            yield self._charge("fail-ends-tcp", "TCP ends after the connection has failed", self._said())

    def _free(self) -> Iterator[Charge]:
        name = self.expected.rule
        if name and self.transcript.at_barrier and not self.expected.in_frame:
            left = f"a server that goes on or one that fails the connection, after: {self.expected.because}"
            yield self._charge(name, left, "it went on")

    # Words.

    def _charge(self, name: str, expected: str, got: str) -> Charge:
        return Charge(name, expected, got, by_silence=self.transcript.waited_s is not None)

    def _barrier_name(self) -> str:
        return "ping and text" if self.facts.echoes and not self.expected.in_message else "ping"

    def _pongs_said(self) -> str:
        return "pongs with " + ", ".join(f"0x{pong.hex()}" for pong in self.transcript.pongs)

    def _said(self) -> str:
        """What the server did at the end."""
        transcript = self.transcript
        parts: list[str] = []
        if transcript.response is not None and transcript.response.status != 101:
            parts.append(transcript.response.describe())
        if transcript.at_barrier:
            parts.append("it went on, and answered what came later")
        if transcript.close is not None:
            code = "no code" if transcript.close.code is None else f"code {transcript.close.code}"
            reason = f" {transcript.close.reason!a}" if transcript.close.reason else ""
            parts.append(f"a close frame with {code}{reason}")
        if transcript.ended:
            parts.append("the end of TCP" + (" (RST)" if transcript.was_reset else ""))
        elif transcript.waited_s is not None:
            parts.append(
                f"then nothing for {transcript.waited_s:g} s" if parts else f"nothing for {transcript.waited_s:g} s"
            )
        return ", ".join(parts) or "nothing"

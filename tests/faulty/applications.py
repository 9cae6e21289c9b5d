"""Applications that accept only some messages and close the connection on others. None of them has a fault.

They run behind the correct server, or behind any fault of it: `/FAULT?app=NAME`. `KINDS` lists them. `only-HOW` accepts
SAMPLE and refuses all else, where HOW is a close code, `bare` (a close frame without a code), `drop` (the end of TCP),
`reset` or `http` (an HTTP error behind the upgrade).
"""

from __future__ import annotations

import json
import struct
from collections import deque
from dataclasses import dataclass

SAMPLE = '{"say": "h\u00e9"}'
TOKEN = "token:abc"
TEXT, BINARY, CLOSE = 1, 2, 8
_LATER_S = 0.05
_TICK_S = 0.03
_SLOW_S = 0.03

KINDS: dict[str, str] = {
    "only-bare": "takes one text, answers others with an empty close frame",
    "only-1000": "the same with code 1000",
    "only-1002": "the same with code 1002",
    "only-1003": "the same with code 1003",
    "only-1007": "the same with code 1007",
    "only-1008": "the same with code 1008",
    "only-1011": "the same with code 1011",
    "only-4400": "the same with code 4400",
    "only-drop": "takes one text, ends TCP over others",
    "only-reset": "takes one text, resets TCP over others",
    "only-http": "takes one text, answers others with an HTTP error, and ends TCP",
    "only-http-stays": "the same, and does not end TCP at once",
    "only-later": "takes one text, closes a moment after others: pongs are faster",
    "only-silent": "takes one text and answers nothing; answers others with an empty close frame",
    "login": "the first text must be a token (else 4001), then it is an echo",
    "login-bare": "the same with an empty close frame",
    "login-silent": "the first text must be a token (else 4001), then it takes all in silence",
    "login-greeted": "greets; then the first text must be a token (else 4001), then it is an echo",
    "binary": "echoes binary messages, closes on texts with 1003",
    "binary-bare": "the same with an empty close frame",
    "binary-silent": "takes binary messages in silence, closes on texts with 1003",
    "text": "echoes texts, closes on binary messages with 1003",
    "text-drop": "echoes texts, ends TCP over binary messages",
    "second": "takes one message, and closes on the second with 1008",
    "second-bare": "the same with an empty close frame, and no answers",
    "after-5": "echoes five messages, and closes on the next with 1008",
    "after-5-drop": "echoes five messages, and ends TCP over the next",
    "large": "echoes messages of up to 1,000 bytes, ends TCP over larger ones",
    "large-silent": "takes messages of up to 1,000 bytes in silence, ends TCP over larger ones",
    "json": "answers a JSON object with its contents, and any other message with an error",
    "slow": "echoes each message after a while",
    "mute": "takes all in silence",
    "greets": "greets, and then takes all in silence",
    "bans": "echoes ten messages, closes on the next with 1008, and answers the next three handshakes with 429",
    "closes-4001": "closes each connection with 4001 before anyone speaks",
    "closes-1000": "the same with code 1000",
    "closes-bare": "the same with an empty close frame",
    "no-empty": "echoes, but answers an empty text with an empty close frame",
}

UNSOLICITED: dict[str, str] = {
    "history": "echoes, and sends the latest messages to each new client",
    "welcome": "greets, and echoes",
    "ticks": "echoes, and says something by itself every few hundredths of a second",
}
"""Applications that also send unsolicited messages."""

TIMED = ("only-later", "slow", "ticks")
"""Applications with timers: one that is idle now may still send something."""


@dataclass(frozen=True, slots=True)
class Close:
    """Close with this code; None is an empty close frame."""

    code: int | None

    def payload(self) -> bytes:
        return b"" if self.code is None else struct.pack("!H", self.code)


@dataclass(frozen=True, slots=True)
class Drop:
    """End TCP, or reset it, without a close frame."""

    resets: bool = False


@dataclass(frozen=True, slots=True)
class Http:
    """Answer with an HTTP error."""

    ends: bool = True


@dataclass(frozen=True, slots=True)
class Say:
    """Send a message as the answer."""

    opcode: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Later:
    """Send an answer after a delay, and accept no more messages."""

    seconds: float
    what: Close | Say


@dataclass(frozen=True, slots=True)
class Tick:
    """Send a message repeatedly, at this interval."""

    seconds: float
    what: Say


Answer = Close | Drop | Http | Say | Later | Tick | None

_SAID: deque[Say] = deque(maxlen=10)
"""The latest messages to the application called history."""


def _refusal(how: str) -> Answer:
    match how:
        case "bare" | "silent":
            return Close(None)
        case "drop" | "reset":
            return Drop(how == "reset")
        case "http" | "http-stays":
            return Http(how == "http")
        case "later":
            return Later(_LATER_S, Close(None))
    return Close(int(how))


class Application:
    """One client of an application."""

    banned = 0
    """The number of following handshakes to refuse."""

    def __init__(self, name: str) -> None:
        self.name, _, self.how = name.partition("-")
        self.taken = 0

    def refuses_handshake(self) -> bool:
        """Return whether the application refuses this handshake."""
        if self.name != "bans" or not Application.banned:
            return False
        Application.banned -= 1
        return True

    def greeting(self) -> tuple[Answer, ...]:
        """Return the first answers, which are sent without a request."""
        match self.name:
            case "login" if self.how == "greeted":
                return (Say(TEXT, b"welcome"),)
            case "greets" | "welcome":
                return (Say(TEXT, b"welcome"),)
            case "closes":
                return (_refusal(self.how),)
            case "history":
                return tuple(_SAID)
            case "ticks":
                return (Tick(_TICK_S, Say(TEXT, b"tick")),)
        return ()

    def take(self, opcode: int, data: bytes) -> Answer:
        """Return the answer to a message."""
        self.taken += 1
        echo = Say(opcode, data)
        match self.name:
            case "only":
                if (opcode, data) != (TEXT, SAMPLE.encode()):
                    return _refusal(self.how)
                return None if self.how == "silent" else echo
            case "login":
                return self._take_login(opcode, data, echo)
            case "binary" if opcode == TEXT:
                return Close(None if self.how == "bare" else 1003)
            case "text" if opcode == BINARY:
                return Drop() if self.how == "drop" else Close(1003)
            case "second" if self.taken > 1:
                return Close(None if self.how else 1008)
            case "after" if self.taken > 5:
                return Drop() if self.how == "5-drop" else Close(1008)
            case "bans" if self.taken > 10:
                Application.banned = 3
                return Close(1008)
            case "large" if len(data) > 1_000:
                return Drop()
            case "json":
                return Say(TEXT, _json_answer(data))
            case "history":
                _SAID.append(echo)
            case "slow":
                return Later(_SLOW_S, echo)
            case "no" if not data:
                return Close(None)
        return None if self.name in ("mute", "greets") or self.how in ("silent", "bare") else echo

    def _take_login(self, opcode: int, data: bytes, echo: Say) -> Answer:
        if self.taken > 1:
            return None if self.how == "silent" else echo
        if (opcode, data) == (TEXT, TOKEN.encode()):
            return Say(TEXT, b"ok")
        return Close(None if self.how == "bare" else 4001)


def _json_answer(data: bytes) -> bytes:
    try:
        said = json.loads(data)["say"]
    except (ValueError, KeyError, TypeError):
        return b'{"error": "an object with a text called say is expected"}'
    return json.dumps({"said": said}).encode()

"""Wraps a user's workload class, so that mistakes become errors with file, line and the expected value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from wsproof.errors import WorkloadError, WsproofError
from wsproof.model.contract import Contract
from wsproof.model.envelope import Envelope, Opened
from wsproof.model.outside_call import Command, FunctionCall
from wsproof.model.secrecy import is_secret_name, learn, secret_parameters, secrets_in_header, secrets_in_message
from wsproof.wire import HttpRequest
from wsproof.workloads.base import MessageKind, Parsed, Workload
from wsproof.workloads.publication import OUTSIDE, Publication
from wsproof.workloads.source_location import files_of, place_of_class, place_of_fault, place_of_member
from wsproof.workloads.steps import Every, JoinRefused, JoinSteps, Message, Send, Wait

WHERE_TO_READ = "wsproof/workloads/README.md has a whole example"
"""The reference to an example in error messages."""
_COMPARED = 64
"""Number of the latest messages that are kept, to compare how several members read them."""
_SHOWN = 80
"""Characters of a wrong value that an error message shows."""
_ADVICE = {
    "path": "return the member's path at the target, such as '/ws/1'",
    "name_of": "return the member's name at the server, a str",
    "room_of": "return the number of the member's room, from 0 on",
    "greeting": "return what is sent right after connecting, a str or bytes; or None",
    "prepare": "raise JoinRefused(reason) if the server refuses the member",
    "expire": "raise JoinRefused(reason) if the credentials cannot be made to expire",
    "revoke": "raise JoinRefused(reason) if the access cannot be revoked",
    "headers": "return a mapping of header names to values, both str",
    "subprotocols": "return a list of str",
    "join": "yield Send(message) and Wait(name, until=condition), and nothing else",
    "resume": "yield Send(message) and Wait(name, until=condition), and nothing else",
    "move": "yield Send(message) and Wait(name, until=condition), and nothing else",
    "split": "return a list of messages, each a str or bytes",
    "answer": "return a list of messages, each a str or bytes",
    "state": "return the parts of the state by name, a mapping with str as keys; None if it is not known yet",
    "timers": "return a list of Every(period_s, message)",
    "publish": "return the message, a str or bytes, or an HttpRequest, a FunctionCall or a Command that carries it; "
    "envelope.seal(body) is its text",
    "read": "return a Parsed for each message; Parsed(MessageKind.UNEXPECTED, text=str(message)) for others",
    "contract": "return a Contract, such as Contract('my-channel', Audience.EVERYONE, Order.PER_PUBLISHER)",
    "secrets": "return a list of str",
    "server_environment": "return a mapping of names to values, both str",
}
"""The return type of each method, for error messages."""
_ABOUT_MESSAGES = ("read", "split", "answer", "join", "resume", "move")
"""The methods that look at a received message, which an error message then shows."""


class _JoinEnded(Exception):
    """The user's `join` has ended. StopIteration cannot pass through another generator (PEP 479)."""


def require_whole(kind: type[Workload]) -> None:
    """Check that a user's class has all that a workload needs.

    Raises:
        WorkloadError: a method is missing, or the name is missing or unusable.
    """
    missing = sorted(getattr(kind, "__abstractmethods__", ()))
    if missing:
        advice = "; ".join(f"{name}: {_ADVICE[name]}" for name in missing if name in _ADVICE)
        raise WorkloadError(
            f"{place_of_class(kind)}: the workload {kind.__name__} lacks {' and '.join(missing)}, which every workload "
            f"needs. Add them ({advice}); {WHERE_TO_READ}."
        )
    name = getattr(kind, "name", None)
    if not isinstance(name, str) or not name or any(char in name for char in " .:,="):
        actual = "it has none" if name is None else f"got {name!r}"
        raise WorkloadError(
            f"{place_of_class(kind)}: expected {kind.__name__}.name to be a word for the command line, without blanks "
            f"or any of . : , =, but {actual}. Try name = {kind.__name__.lower()!r}."
        )


@cache
def guarded(kind: type[Workload]) -> type[Workload]:
    """The same workload, with a WorkloadError for every exception and every return value of a wrong type."""
    body = {"__module__": kind.__module__, "__doc__": kind.__doc__, "title": getattr(kind, "title", kind.name)}
    return type(kind.__name__, (_Guarded, kind), {**body, "users_class": kind})


class _Guarded(Workload):
    """Comes before the user's class in the method resolution order, and checks each of its methods."""

    users_class: type[Workload]

    def __init__(self, settings: Mapping[str, str] | None = None, *, base: int = 1) -> None:
        with_settings = super().__init__
        self.settings = dict(settings or {})  # for the error message, if the user's __init__ fails
        learn(value for name, value in self.settings.items() if is_secret_name(name))
        self._first_published: set[int] = set()
        self._answers = self.users_class.answer is not Workload.answer
        self._last_read: dict[Message, tuple[int, bool]] = {}
        self._guard("__init__", lambda: with_settings(settings, base=base))

    @property
    def contract(self) -> Contract:
        contract: Contract = self._ask("contract", Contract)
        return contract

    def path(self, member: int) -> str:
        path: str = self._ask("path", str, member)
        self._learn(member, [*secret_parameters(path), *self.secrets(member)])
        return path

    def name_of(self, member: int) -> str:
        name: str = self._ask("name_of", str, member)
        return name

    def room_of(self, member: int) -> int:
        room: int = self._ask("room_of", int, member)
        return room

    def greeting(self, member: int) -> str | bytes | None:
        greeting: str | bytes | None = self._ask("greeting", (str, bytes, type(None)), member)
        if greeting is not None:
            self._learn(member, secrets_in_message(greeting))
        return greeting

    def prepare(self, member: int, url: str) -> None:
        self._guard("prepare", lambda: super(_Guarded, self).prepare(member, url), (member,))

    def revoke(self, member: int, url: str) -> None:
        self._guard("revoke", lambda: super(_Guarded, self).revoke(member, url), (member,))

    def expire(self, member: int, url: str) -> None:
        self._guard("expire", lambda: super(_Guarded, self).expire(member, url), (member,))

    def headers(self, member: int) -> Mapping[str, str]:
        headers: Mapping[str, str] = self._ask("headers", Mapping, member)
        if not all(isinstance(text, str) for header in headers.items() for text in header):
            raise self._wrong("headers", repr(headers)[:_SHOWN], "not every element is a str")
        for name, value in headers.items():
            self._learn(member, secrets_in_header(name, value))
        return headers

    def subprotocols(self, member: int) -> Sequence[str]:
        offered: Sequence[str] = self._ask("subprotocols", (list, tuple), member)
        if not all(isinstance(each, str) for each in offered):
            raise self._wrong("subprotocols", repr(offered)[:_SHOWN], "not every element is a str")
        return offered

    def join(self, member: int) -> JoinSteps:
        return self._steps("join", member)

    def resume(self, member: int, last: Message | None) -> JoinSteps:
        return self._steps("resume", member, last)

    def move(self, member: int, room: int) -> JoinSteps:
        return self._steps("move", member, room)

    def _steps(self, name: str, member: int, *more: Any) -> JoinSteps:
        """The steps of `join`, `resume` or `move`, each of them checked."""
        method = getattr(super(), name)
        steps = self._guard(name, lambda: iter(method(member, *more)), (member,))
        answer: Message | None = None
        while True:
            try:
                step = self._guard(name, lambda: _next(steps, answer), (member,))  # noqa: B023 - called at once
            except _JoinEnded:
                return
            if isinstance(step, Send) and isinstance(step.message, str | bytes):
                self._learn(member, secrets_in_message(step.message))
                yield step
                answer = None
            elif isinstance(step, Wait) and callable(step.until):
                answer = yield replace(step, until=self._guarded_condition(name, step))
            else:
                raise self._wrong(name, f"{step!r}"[:_SHOWN], "that is not a step", verb="yielded")

    def _guarded_condition(self, name: str, wait: Wait) -> Callable[[Message], bool]:
        return lambda message: bool(self._guard(name, lambda: wait.until(message), (0, message)))

    def split(self, message: Message) -> Sequence[Message]:
        parts = self._guard("split", lambda: list(super(_Guarded, self).split(message)), (0, message))
        if not all(isinstance(each, str | bytes) for each in parts):
            raise self._wrong("split", repr(parts)[:_SHOWN], "not every element is a str or bytes")
        return list(parts)

    def answer(self, member: int, message: str | bytes) -> list[Message]:
        answers = self._guard("answer", lambda: list(super(_Guarded, self).answer(member, message)), (member, message))
        if not all(isinstance(each, str | bytes) for each in answers):
            raise self._wrong("answer", repr(answers)[:_SHOWN], "not every element is a str or bytes")
        return list(answers)

    def state(self, member: int, messages: Sequence[Message]) -> Mapping[str, Any] | None:
        state: Mapping[str, Any] | None = self._ask("state", (Mapping, type(None)), member, messages)
        if state is not None and not all(isinstance(part, str) for part in state):
            raise self._wrong("state", repr(state)[:_SHOWN], "not all of its keys are a str")
        return state

    def timers(self, member: int) -> list[Every]:
        timers = self._guard("timers", lambda: list(super(_Guarded, self).timers(member)), (member,))
        if not all(isinstance(each, Every) for each in timers):
            raise self._wrong("timers", repr(timers)[:_SHOWN], "not every element is an Every")
        return list(timers)

    def publish(self, member: int, envelope: Envelope, body: str) -> Publication:
        message: Publication = self._ask("publish", (str, bytes, *OUTSIDE), member, envelope, body)
        if member not in self._first_published:  # later messages carry the same token
            self._first_published.add(member)
            self._learn(member, _secrets_in(message))
        return message

    def read(self, member: int, message: str | bytes) -> Parsed:
        parsed: Parsed = self._ask("read", Parsed, member, message)
        if not _is_sound(parsed):
            raise self._wrong("read", repr(parsed)[:_SHOWN], "the types of its fields are wrong")
        if self._answers:
            self._require_same_answer(member, message, parsed)
        return parsed

    def _require_same_answer(self, member: int, message: Message, parsed: Parsed) -> None:
        """Compare `needs_answer` with that of another member that has just read the same bytes."""
        other, needed = self._last_read.setdefault(message, (member, parsed.needs_answer))
        if needed is not parsed.needs_answer and other != member:
            raise self._wrong(
                "read",
                f"needs_answer={parsed.needs_answer} for member {member} and {needed} for member {other}",
                f"the message is the same, {message!r:.{_SHOWN}}. Under load it is read once for all members: let "
                "`answer` return nothing for members that need not answer",
            )
        while len(self._last_read) > _COMPARED:
            del self._last_read[next(iter(self._last_read))]

    def secrets(self, member: int) -> list[str]:
        declared: list[str] = list(self._ask("secrets", (list, tuple, set, frozenset), member))
        if not all(isinstance(value, str) for value in declared):
            raise self._wrong("secrets", repr(declared)[:_SHOWN], "not every element is a str")
        return declared

    def _learn(self, member: int, values: Iterable[str]) -> None:
        """Register secret values.

        A member's own name is not a secret, even if it serves as a token: the server sends it to everyone.
        """
        name = self.name_of(member)
        learn(value for value in values if value != name)

    def server_environment(self) -> Mapping[str, str]:
        environment: Mapping[str, str] = self._ask("server_environment", Mapping)
        return environment

    def _ask(self, name: str, expected: Any, *arguments: Any) -> Any:
        """Call a method of the user's class and check the type of its result."""

        def call() -> Any:
            attribute = getattr(super(_Guarded, self), name)
            return attribute if name == "contract" else attribute(*arguments)

        answer = self._guard(name, call, arguments)
        if not isinstance(answer, expected):
            raise self._wrong(name, f"{answer!r}"[:_SHOWN], f"that is of type {type(answer).__name__}")
        return answer

    def _guard(self, name: str, call: Callable[[], Any], arguments: tuple[Any, ...] = ()) -> Any:
        """Run `call`; turn any exception that is not ours into a WorkloadError."""
        try:
            return call()
        except (WsproofError, JoinRefused, _JoinEnded):
            raise
        except Exception as fault:
            raise self._raised(name, fault, arguments) from fault

    def _wrong(self, name: str, value: str, why: str, verb: str = "returned") -> WorkloadError:
        """The error for a wrong return value."""
        kind = self.users_class
        return WorkloadError(
            f"{place_of_member(kind, name)}: {kind.__name__}.{name} {verb} {value}, and {why}. It must {_ADVICE[name]}."
        )

    def _raised(self, name: str, fault: Exception, arguments: tuple[Any, ...]) -> WorkloadError:
        """The error for an exception in the user's code."""
        kind = self.users_class
        place = place_of_fault(fault, files_of(kind)) or place_of_member(kind, name)
        about = f" for the message {arguments[1]!r:.{_SHOWN}}" if name in _ABOUT_MESSAGES and arguments[1:] else ""
        setting = str(fault.args[0]) if isinstance(fault, KeyError) and fault.args else ""
        if setting in kind.parameters and setting not in self.settings:
            advice = f"It needs a setting: --set {kind.name}.{setting}=VALUE ({kind.parameters[setting]})"
        else:
            advice = f"It must never raise, but {_ADVICE[name]}" if name in _ADVICE else "Fix it"
        return WorkloadError(f"{place}: {kind.__name__}.{name} raised {_words(fault)}{about}. {advice}.")


def _secrets_in(message: Publication) -> Iterable[str]:
    """The secrets of a publication: in a request, also those of its path and its headers."""
    if isinstance(message, FunctionCall):
        return []
    if isinstance(message, Command):
        return [secret for text in (message.input, *message.arguments) for secret in secrets_in_message(text)]
    if not isinstance(message, HttpRequest):
        return secrets_in_message(message)
    of_headers = [value for header in message.headers.items() for value in secrets_in_header(*header)]
    return [*secrets_in_message(message.body), *secret_parameters(message.path), *of_headers]


def _next(steps: Any, answer: Message | None) -> Any:
    """The next step of a user's `join`, which may also be an iterator without `send`."""
    try:
        return next(steps) if answer is None or not hasattr(steps, "send") else steps.send(answer)
    except StopIteration:
        raise _JoinEnded from None


def _words(fault: Exception) -> str:
    text = str(fault)
    return f"{type(fault).__name__}: {text}" if text else type(fault).__name__


def _is_sound(parsed: Parsed) -> bool:
    """Whether the fields have the types that `Parsed` declares. Called once per distinct message."""
    return (
        isinstance(parsed.kind, MessageKind)
        and isinstance(parsed.envelope, Opened | None)
        and isinstance(parsed.publisher, str | None)
        and isinstance(parsed.member, str | None)
        and isinstance(parsed.value, Mapping | None)
        and isinstance(parsed.text, str)
        and isinstance(parsed.version, int | str | None)
        and isinstance(parsed.needs_answer, bool)
    )

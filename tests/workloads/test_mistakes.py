"""Tests of mistakes in a user's workload: the error has file, line, expected and actual value, and advice."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from wsproof import Envelope, Workload, WorkloadError
from wsproof.model.secrecy import learned
from wsproof.workloads import Conversation, WorkloadWarning, load_channels, warn_of_unknown_names

HEAD = """\
from wsproof import Audience, Contract, Order
from wsproof import Every, MessageKind, Parsed, Send, Wait, Workload
class Base(Workload):
    name = "base"
    title = "t"
    parameters = {"room": "which room"}
    @property
    def contract(self): return Contract("base", Audience.EVERYONE, Order.PER_PUBLISHER)
    def path(self, member): return "/ws"
    def read(self, member, message): return Parsed(MessageKind.IGNORED)
"""
ENVELOPE = Envelope(0, 0, 1)
Load = Callable[[str], Workload]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    monkeypatch.chdir(tmp_path)

    def loaded(body: str) -> Workload:
        name = f"mistaken_{abs(hash(body))}"
        (tmp_path / f"{name}.py").write_text(f"{HEAD}class Mine(Base):\n{body}\nWORKLOADS = [Mine]\n")
        (workload,) = load_channels(name).values()
        return workload

    return loaded


@pytest.mark.parametrize(
    ("body", "ask", "words"),
    [
        (
            "    def read(self, member, message):\n        raise KeyError('typo')",
            "read",
            r":13: .*raised KeyError: 'typo' for the message 'hello'.*MessageKind\.UNEXPECTED",
        ),
        (
            "    def read(self, member, message): return None",
            "read",
            r":12: Mine\.read returned None, .*NoneType.*a Parsed",
        ),
        ("    def read(self, member, message): return Parsed('delivery')", "read", r":12: .*the types of its fields"),
        ("    def read(self, message): return Parsed(MessageKind.IGNORED)", "read", r":12: .*TypeError.*positional"),
        ("    def path(self, member): return 7", "path", r":12: Mine\.path returned 7, .*int.*such as '/ws/1'"),
        (
            "    def path(self, member): return self.settings['room']",
            "path",
            r":12: .*--set base\.room=VALUE \(which room\)",
        ),
        ("    def name_of(self, member): return member", "name_of", r":12: Mine\.name_of returned 0"),
        ("    def room_of(self, member): return 'lobby'", "room_of", r":12: Mine\.room_of returned 'lobby'"),
        (
            "    def greeting(self, member): return {'type': 'hello'}",
            "greeting",
            r":12: Mine\.greeting returned .*dict",
        ),
        (
            "    def publish(self, member, envelope, body): return None",
            "publish",
            r":12: Mine\.publish returned None.*seal",
        ),
        ("    contract = None", "contract", r"Mine\.contract returned None"),
    ],
)
def test_a_mistake_in_a_workload_method_names_its_line(load: Load, body: str, ask: str, words: str) -> None:
    workload = load(body)
    arguments = {"read": (0, "hello"), "publish": (0, ENVELOPE, "body")}.get(ask, (0,))
    with pytest.raises(WorkloadError, match=words) as caught:
        getattr(workload, ask) if ask == "contract" else getattr(workload, ask)(*arguments)
    assert str(caught.value).startswith("mistaken_")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            "class Bad(Workload):\n    name = 'bad'\n    def path(self, member): return '/'",
            r":11: the workload Bad lacks contract and read",
        ),
        ("class Bad(Base):\n    name = ''", r":11: expected Bad\.name to be a word.*got ''"),
        ("class Bad(Base):\n    name = 'my chat'", r"got 'my chat'"),
        ("class Bad(Base):\n    def __init__(self, *a, **k): 1 / 0", r":12: Bad\.__init__ raised ZeroDivisionError"),
        ("Bad = Base(", r":13: '\(' was never closed|:11: '\(' was never closed"),
        ("import surely_not_there\nBad = Base", r":11: .*needs surely_not_there, which is not installed"),
        ("Bad = 1 / 0", r":11: .*ZeroDivisionError"),
        ("Bad = Base()", r"expected WORKLOADS to hold subclasses of Workload, and it holds <.*Base object"),
    ],
)
def test_a_mistake_in_a_class_or_module_is_reported_on_loading(
    source: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = f"mistaken_module_{abs(hash(source))}"
    (tmp_path / f"{name}.py").write_text(f"{HEAD}{source}\nWORKLOADS = [Bad]\n")
    with pytest.raises(WorkloadError, match=words) as caught:
        load_channels(name)
    assert str(caught.value).startswith(f"{name}.py")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("    def cookies(self, member): return {}", r":12: Mine\.cookies has no effect.*headers"),
        ("    def greetings(self, member): return 'hi'", r":12: .*Did you mean greeting\?"),
        ("    longest_byte = 2", r"Mine\.longest_byte has no effect.*Did you mean longest_bytes\?"),
        ("    def on_message(self, message): pass", r":12: .*It calls path, name_of"),
    ],
)
def test_an_unknown_method_of_a_workload_causes_a_warning(load: Load, body: str, words: str) -> None:
    with pytest.warns(WorkloadWarning, match=words):
        warn_of_unknown_names([load(body)])


@pytest.mark.parametrize(
    "body",
    [
        "    def path(self, member): return self.topic(member)\n    def topic(self, member): return '/t'",
        "    SECRET = 's'\n    seats = 3",
        "    def _hidden(self): pass",
        "    rooms = 2\n    any_text = True\n    longest_bytes = 10",
    ],
)
def test_a_helper_of_the_user_causes_no_warning(load: Load, body: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_unknown_names([load(body)])


def test_the_shipped_workloads_cause_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_unknown_names(load_channels("reference").values())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("        yield 'hello'", r":12: Mine\.join yielded 'hello', .*not a step.*yield Send"),
        ("        yield Send(7)", r"Mine\.join yielded Send\(message=7\)"),
        ("        yield Wait('ack', until=lambda m: m['type'])", r":13: Mine\.join raised TypeError.*'hello'"),
        ("        yield Send('hello')\n        1 / 0", r":14: Mine\.join raised ZeroDivisionError"),
    ],
)
def test_a_mistake_in_a_conversation_names_its_line(load: Load, body: str, words: str) -> None:
    talk = Conversation(load(f"    def join(self, member):\n{body}"), 0)

    def converse() -> None:
        talk.start(0)
        talk.receive("hello", 0)

    with pytest.raises(WorkloadError, match=words):
        converse()


def test_a_guarded_join_runs_like_the_users_join(load: Load) -> None:
    body = (
        "    def join(self, member):\n"
        "        yield Send('hello')\n"
        "        said = yield Wait('name', until=lambda m: True)\n"
        "        yield Send('you are ' + said)\n"
        "    def answer(self, member, message): yield message\n"
        "    def timers(self, member): yield Every(1.0, 'beat')\n"
        "    def headers(self, member): return {'Cookie': f'session={member}-is-a-long-secret'}\n"
    )
    workload = load(body)
    talk = Conversation(workload, 0)
    assert talk.start(0) == ("hello",)
    assert talk.receive("Ann", 0, needs_answer=True).messages == ("Ann", "you are Ann")
    assert talk.wake(1_000_000_000) == ("beat",)
    workload.headers(4)
    assert "4-is-a-long-secret" in learned()
    assert warned(workload) == []


def warned(workload: Workload) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_unknown_names([workload])
    return [str(warning.message) for warning in caught]


ASKED = """\
    def answer(self, member, message): return ["ack"] if message == f"for {{member}}" else []
    def read(self, member, message): return Parsed(MessageKind.IGNORED, needs_answer={})
"""


def test_whether_a_message_needs_an_answer_must_not_depend_on_the_member(load: Load) -> None:
    """Under load, equal bytes are parsed once for all members, so one member's answer would apply to all."""
    by_member = load(ASKED.format("message == f'for {member}'"))
    by_member.read(0, "for 0")
    by_member.read(0, "for 1")
    with pytest.raises(WorkloadError, match=r"needs_answer=False for member 1 and True for member 0.*`answer` return"):
        by_member.read(1, "for 0")
    by_message = load(ASKED.format("message.startswith('for')"))
    assert all(by_message.read(member, "for 1").needs_answer for member in range(3))
    assert [list(by_message.answer(member, "for 1")) for member in range(3)] == [[], ["ack"], []]


def test_a_member_may_parse_the_same_bytes_differently_over_time(load: Load) -> None:
    counting = load(ASKED.format("bool(self.__dict__.setdefault('seen', []).append(1) or len(self.seen) % 2)"))
    assert [counting.read(0, "tick").needs_answer for _ in range(3)] == [True, False, True]


PREPARED = """\
    tokens = {{}}
    def prepare(self, member, url): self.tokens[member] = "t"
    def publish(self, member, envelope, body): return {}
"""


@pytest.mark.parametrize(
    ("message", "by_http"),
    [
        ("self.tokens[member] + envelope.seal(body)", False),
        ("HttpRequest('/publish', self.tokens[member] + envelope.seal(body))", True),
    ],
)
def test_the_type_of_publications_is_known_before_a_member_is_prepared(load: Load, message: str, by_http: bool) -> None:
    workload = load(f"    from wsproof import HttpRequest\n{PREPARED.format(message)}")
    assert workload.publishes_outside is by_http


def test_a_mistake_in_publish_is_reported_where_no_member_is_prepared(load: Load) -> None:
    workload = load("    def publish(self, member, envelope, body): return self.tokens[member]")
    with pytest.raises(WorkloadError, match="AttributeError"):
        _ = workload.publishes_outside

"""Tests that a default run finds faults of joining, resuming and identity, and that correct variants pass."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.delivery.planting import PATIENT_S, findings_of, planting
from tests.faulty.channels.json_room import TOKEN
from tests.faulty.channels.json_room_workloads import Greeting, Halls, OneOrigin, Presence, Private, Room, Sloppy
from wsproof import Level, TargetError, Workload
from wsproof.delivery import run_suite, shutdown_probe
from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.joining import join
from wsproof.delivery.member import PoolMember
from wsproof.delivery.schedule import Action, Step
from wsproof.model.history import SILENCE
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.net.budget import Budget, BudgetSpent
from wsproof.target.server import RunningServer, serve
from wsproof.target.target import parse_target
from wsproof.workloads.guarded import guarded

OPTIONS = SuiteOptions(examples=0, deadline_s=2.0)
LEAVES_UNANSWERED = (
    "one member receives nothing",
    "a slow reader is told of dropped messages",
    "unusual names are refused",
    "unusual names are not subscribed",
)
"""Correct variants that do not answer a message, so that the check waits until its deadline."""
Plant = Callable[[str], RunningServer]

FAULTS: list[tuple[str, type[Workload], str, str]] = [
    ("history gap", Room, "late-join", "gap between the history"),
    ("the first message is lost", Room, "delivery", "lose messages that arrive before it is ready to read"),
    (
        "history overlap",
        Room,
        "late-join",
        "and the live messages overlap",
    ),
    (
        "greet + each greeting adds a subscription",
        Greeting,
        "double-subscription",
        "had sent its greeting a second time",
    ),
    ("rooms by prefix", Halls, "room-names", "compare only a part of the rooms' names"),
    ("two workers", Room, "cross-worker-delivery", "workers or processes without a shared backplane"),
    ("a departure removes the name", Room, "reconnect", "seems to have removed the new one"),
    ("latest connection only", Room, "reconnect", "send to the latest connection of a name only"),
    ("delivers once per connection of a name", Room, "reconnect", "once for each of them"),
    ("presence + user leaves with each connection", Presence, "reconnect", "one of its two connections ended"),
    ("a room is created twice", Room, "concurrent-joins", "both find no room and create one"),
    ("a slow reader loses messages", Room, "paused-reader", "do not fit into the queue of a slow member"),
    ("greet + greet under a lock", Greeting, "silent-client-isolation", "sent nothing after its handshake, "),
    ("token is optional", Private, "access", "joined without its credentials, and received message"),
    ("any token is accepted", Private, "access", "joined with wrong credentials, and received message"),
    ("token signature is not verified", Private, "access", "joined with wrong credentials, and received message"),
    ("token is checked late", Private, "access", "joined without its credentials, and received message"),
    ("one origin is documented and not enforced", OneOrigin, "origin", "joined from the origin of a stranger"),
    ("JSON by concatenation", Room, "unusual-names", "has a name with quotes, a backslash and a tag"),
    ("names are encoded as ASCII", Room, "unusual-names", "has a name with letters of other alphabets"),
    ("a departure removes names with this prefix", Room, "unusual-names", "that begins with the name of member 0"),
    ("reserved names break the room", Room, "unusual-names", "has a name"),
    ("one room task", Room, "malformed-messages", "sent its message with numbers in place of its texts"),
    ("a lock in the room task", Room, "malformed-messages", "sent its message"),
    ("a lone surrogate is passed on", Room, "malformed-messages", "sent its message with half a character"),
]
"""A planted fault, the workload, the property that finds it, and words of the cause."""

CORRECT_VARIANTS: list[tuple[str, type[Workload], str]] = [
    ("history", Room, "late-join"),
    ("history + only three messages", Room, "late-join"),
    ("late subscription", Room, "late-join"),
    ("", Room, "late-join"),
    ("greet", Greeting, "double-subscription"),
    ("greet + the greeting is answered with history", Greeting, "double-subscription"),
    ("greet + a second greeting ends the connection", Greeting, "double-subscription"),
    ("", Halls, "room-names"),
    ("", Room, "places"),
    ("", Room, "cross-worker-delivery"),
    ("one member receives nothing", Room, "cross-worker-delivery"),
    ("", Room, "reconnect"),
    ("one per name", Room, "reconnect"),
    ("one per name, the second is refused", Room, "reconnect"),
    ("presence", Presence, "reconnect"),
    ("leave notice per connection", Presence, "reconnect"),
    ("history", Room, "reconnect"),
    ("", Room, "concurrent-joins"),
    ("late subscription", Room, "concurrent-joins"),
    ("a room is created once", Room, "concurrent-joins"),
    ("history", Room, "concurrent-joins"),
    ("greet", Greeting, "concurrent-joins"),
    ("", Room, "paused-reader"),
    ("a slow reader is disconnected", Room, "paused-reader"),
    ("a slow reader is told of dropped messages", Room, "paused-reader"),
    ("greet", Greeting, "silent-client-isolation"),
    ("token", Private, "access"),
    ("one origin", OneOrigin, "origin"),
    ("", Room, "unusual-names"),
    ("names are normalised", Room, "unusual-names"),
    ("unusual names are refused", Room, "unusual-names"),
    ("unusual names are refused at the handshake", Room, "unusual-names"),
    ("unusual names are not subscribed", Room, "unusual-names"),
    ("", Room, "malformed-messages"),
    ("values of any type are passed on", Room, "malformed-messages"),
    ("values of any type are passed on", Sloppy, "malformed-messages"),
    ("a malformed message closes its connection", Room, "malformed-messages"),
    ("a malformed message is reported to its sender", Room, "malformed-messages"),
    ("greet", Greeting, "malformed-messages"),
    ("one room task + the room task continues", Room, "malformed-messages"),
]
"""Behaviour of correct servers, the workload, and the property that must not report it."""


@pytest.fixture(scope="module")
def plant() -> Iterator[Plant]:
    with planting("tests.faulty.channels.json_room:app", at="plant") as plant:
        yield plant


def check(server: RunningServer, workload: type[Workload], *only: str, options: SuiteOptions = OPTIONS) -> SuiteReport:
    names = tuple(f"room.{name}" for name in only)
    return run_suite(server, {"room": guarded(workload)({}, base=1)}, options.but(only=names))


@pytest.mark.parametrize(("kind", "workload", "name", "words"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_a_planted_fault_is_reported_with_its_cause(
    plant: Plant, kind: str, workload: type[Workload], name: str, words: str
) -> None:
    report = check(plant(kind), workload, name)
    explanations = [finding.explanation for finding in report.findings if finding.level is Level.VIOLATION]
    assert explanations, report.findings
    assert words in explanations[0]


@pytest.mark.parametrize(
    ("kind", "workload", "name"),
    CORRECT_VARIANTS,
    ids=[f"{variant[0]}, {variant[1].__name__}, {variant[2]}" for variant in CORRECT_VARIANTS],
)
def test_the_correct_variant_of_a_planted_fault_has_no_findings(
    plant: Plant, kind: str, workload: type[Workload], name: str
) -> None:
    options = OPTIONS.but(deadline_s=5.0 if kind in LEAVES_UNANSWERED else PATIENT_S)
    assert findings_of(check(plant(kind), workload, name, options=options)) == []


def test_a_handshake_ended_by_the_budget_beside_a_silent_client_is_no_finding() -> None:
    def unanswered(*_: Any, **__: Any) -> PoolMember:
        raise TargetError("expected an answer to the WebSocket handshake")

    silent = SimpleNamespace(misbehaviour=SILENCE)
    pool = SimpleNamespace(members=[silent], join=unanswered, setting=SimpleNamespace(budget=Budget(0.0)))
    with pytest.raises(BudgetSpent):
        join(cast(ClientPool, pool), {}, Step(Action.JOIN, 2))


@pytest.mark.parametrize("kind", ["token", "token in the log"])
def test_a_token_in_the_server_output_is_reported_and_redacted(kind: str) -> None:
    with serve(parse_target("tests.faulty.channels.json_room:app", path="/ws", env=[f"KIND={kind}"])) as server:
        report = check(server, Private, "access")
    findings = [
        finding for finding in report.findings if "credentials of its members to its output" in finding.explanation
    ]
    assert [finding.level for finding in findings] == ([Level.VIOLATION] if kind == "token in the log" else [])
    assert not any(TOKEN in line for finding in findings for line in finding.witness)


SHUTDOWN_PROBES = [
    ("", "shutdown", ""),
    ("exits without close frames", "shutdown", "received no close frame"),
    ("ignores SIGTERM", "shutdown", "its process still runs"),
    ("", "pause", ""),
    ("", "worker-crash", ""),
    ("a pause disconnects all members", "pause", "was stopped for 1 s (SIGSTOP)"),
]


@pytest.mark.parametrize(
    ("kind", "name", "words"), SHUTDOWN_PROBES, ids=[f"{probe[0]}, {probe[1]}" for probe in SHUTDOWN_PROBES]
)
def test_the_shutdown_checks_stop_and_end_a_server_that_wsproof_started(
    kind: str, name: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "ignores SIGTERM":
        monkeypatch.setattr(shutdown_probe, "EXIT_S", 1.0)
    with serve(parse_target("tests.faulty.channels.json_room:app", path="/ws", env=[f"KIND={kind}"])) as server:
        explanations = [finding.explanation for finding in check(server, Room, name).findings]
    assert [words in explanation for explanation in explanations] == ([True] if words else [])


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("", ""),
        ("publishes nothing after a disturbance", "A member that joins now receives nothing either"),
        ("forgets its connections after a disturbance", "A member that joins now is served"),
        (
            "subscribes again after a disturbance",
            "the members received each other's messages again, but more than once",
        ),
    ],
)
def test_a_server_that_does_not_recover_from_a_disturbance_is_a_violation(
    plant: Plant, kind: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Room, "contract", replace(Room({}).contract, recovers_within_s=1.0))
    server = plant(kind)
    place = f"http://{server.endpoint.host}:{server.endpoint.port}/disturb"
    command = f'{sys.executable} -c "from urllib.request import urlopen; urlopen({place!r})"'
    options = OPTIONS.but(only=("room.recovery",), disturb=command)
    explanations = [finding.explanation for finding in run_suite(server, {"room": Room({})}, options).findings]
    assert [words in explanation for explanation in explanations] == ([True] if words else [])

"""Tests of members that change their room, and of members that resume after a disconnect."""

from __future__ import annotations

import pytest

from tests.delivery.planting import PATIENT_S, findings_of
from tests.workloads.apps.rooms_with_memory_channels import Moving
from wsproof import Verdict, Workload
from wsproof.delivery import run_suite
from wsproof.delivery.schedule import Action, Step
from wsproof.model.finding import Anomaly
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.target.server import serve
from wsproof.target.target import parse_target
from wsproof.workloads import Conversation
from wsproof.workloads.guarded import guarded

APP = "tests.workloads.apps.rooms_with_memory:app"
OPTIONS = SuiteOptions(examples=0, deadline_s=2.0)


def check(fault: str, *only: str) -> SuiteReport:
    options = OPTIONS if fault else OPTIONS.but(deadline_s=PATIENT_S)
    workloads: dict[str, Workload] = {"moving": guarded(Moving)()}
    with serve(parse_target(APP, path="/", env=[f"FAULT={fault}"])) as server:
        return run_suite(server, workloads, options.but(only=only))


def test_a_correct_server_passes() -> None:
    report = check("", "moving.resuming", "moving.room-change")
    assert findings_of(report) == []
    assert report.verdict() is Verdict.VALID


@pytest.mark.parametrize(
    ("fault", "anomaly", "words"),
    [
        ("stays", Anomaly.MISROUTED, "which is meant for room 0 only and not for room 1"),
        ("forgets", Anomaly.LOST, "came back for member 1"),
        ("no memory", Anomaly.LOST, "all messages after the last one that it received"),
    ],
)
def test_a_planted_fault_is_found(fault: str, anomaly: Anomaly, words: str) -> None:
    report = check(fault, "moving.room-change" if fault == "stays" else "moving.resuming")
    assert report.verdict() is Verdict.INVALID
    (finding,) = report.findings
    assert finding.anomaly is anomaly
    assert words in finding.explanation


def test_move_and_resume_steps_have_a_description_and_keep_their_fields_in_a_recipe() -> None:
    move = Step(Action.MOVE, 4, rejoin_as=0, room=1)
    back = Step(Action.JOIN, 3, rejoin_as=1, resumes=True)
    assert [Step.from_json(step.to_json()) for step in (move, back)] == [move, back]
    assert move.describe() == "member 0 moves to room 1, and is member 4 there"
    assert "tells the server what that member has received" in back.describe()


def test_a_resuming_member_tells_the_server_what_it_has_received() -> None:
    workload = guarded(Moving)()
    talk = Conversation(workload, 1, workload.resume(1, '{"number": 6, "text": ""}'))
    assert talk.start(0) == ('{"go": 1, "since": 6}',)
    assert workload.has_move

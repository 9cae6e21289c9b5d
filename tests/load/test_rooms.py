"""Tests of a channel with rooms under load: messages are expected by the members of their room only."""

from __future__ import annotations

import pytest

from tests.load.conftest import small_plan
from wsproof import Audience, Contract, Measurement
from wsproof.checks import run_checks
from wsproof.load import run_plan
from wsproof.load.rounds import broadcast_rounds
from wsproof.load.run import members_to_hear, probers
from wsproof.model.expected import expected_deliveries
from wsproof.model.finding import Anomaly
from wsproof.model.history import Kind
from wsproof.model.plan import Phase
from wsproof.target.server import serve
from wsproof.target.target import parse_target

APP = "tests.workloads.apps.pubsub:app"
CHANNELS = "tests.workloads.apps.pubsub_channels"


def measured(workload: str, fault: str = "") -> Measurement:
    plan = small_plan(workload, 6, publishers=2, rate_hz=50.0)
    with serve(parse_target(APP, path="/pubsub", env=[f"FAULT={fault}"])) as server:
        return run_plan(plan, channels=CHANNELS, settings={}, endpoint=server.endpoint, server=server)


@pytest.mark.parametrize(
    ("workload", "fault", "audience"), [("pubsub", "", 3), ("others", "the publisher does not hear itself", 2)]
)
def test_each_publication_is_expected_only_in_its_own_room(workload: str, fault: str, audience: int) -> None:
    measurement = measured(workload, fault)
    history = measurement.history
    assert [member.room for member in history.members] == [0, 1, 0, 1, 0, 1]
    assert all(member.in_ns for member in history.members)
    assert run_checks(history, measurement.contract) == []
    measured_now = history.publications.phase == Phase.MEASURED
    assert set(expected_deliveries(history, measurement.contract).expected[measured_now].tolist()) == {audience}
    assert not history.unexpected


def test_a_server_that_leaks_into_another_room_is_reported() -> None:
    measurement = measured("pubsub", "messages leak")
    findings = run_checks(measurement.history, measurement.contract)
    assert [finding.anomaly for finding in findings] == [Anomaly.MISROUTED]
    assert "room 0 only and not for room 1" in findings[0].explanation or "room 1 only" in findings[0].explanation


def test_a_round_ends_when_the_room_of_its_publisher_has_received_it() -> None:
    with serve(parse_target(APP, path="/pubsub")) as server:
        measurement = broadcast_rounds(
            workload="pubsub",
            channels=CHANNELS,
            settings={},
            endpoint=server.endpoint,
            subscribers=5,
            rounds=4,
            warmup_rounds=1,
            round_deadline_s=5.0,
        )
    history = measurement.history
    assert measurement.plan.duration_s < 5.0
    receipts = history.receipts
    assert set(receipts.subscriber[(receipts.publisher == 0) & (receipts.kind == Kind.DELIVERY)].tolist()) == {0, 2, 4}
    assert run_checks(history, measurement.contract) == []


def test_a_setting_gives_the_number_of_rooms_and_each_has_a_publisher() -> None:
    plan = small_plan("halls", 6, publishers=3, rate_hz=60.0, drain_s=90.0, ramp_s=90.0)
    with serve(parse_target(APP, path="/pubsub")) as server:
        measurement = run_plan(
            plan,
            channels="tests.workloads.apps.halls_channels",
            settings={"halls.rooms": "3"},
            endpoint=server.endpoint,
            server=server,
        )
    history = measurement.history
    assert [member.room for member in history.members] == [0, 1, 2, 0, 1, 2]
    assert run_checks(history, measurement.contract) == []
    measured_now = history.publications.phase == Phase.MEASURED
    assert set(history.publications.publisher[measured_now].tolist()) == {0, 1, 2}
    assert set(expected_deliveries(history, measurement.contract).expected[measured_now].tolist()) == {2}


def test_the_probe_is_sent_in_every_room() -> None:
    plan, everyone = small_plan(subscribers=5), Contract("x", Audience.EVERYONE)
    assert probers(everyone, plan, 0, [0, 1, 0, 1, 2]) == [0, 1, 4]
    assert probers(everyone, plan, 1, [0, 1, 0, 1, 2]) == [2, 3, 4]
    assert members_to_hear(Contract("x", Audience.OTHERS), plan, [0, 1, 0, 1, 2]) == 4

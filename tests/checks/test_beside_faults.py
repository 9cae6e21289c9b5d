"""Tests of the findings about faulty clients beside a load, and about reconnect storms.

Each fault has correct servers that look like it.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from wsproof import Audience, Contract, Level
from wsproof.checks.beside_faults import judge_faults, judge_storm
from wsproof.model.fault_record import (
    FaultFigure,
    FaultResources,
    FaultsRecord,
    FaultTally,
    ServerState,
    StormRecord,
    StormTurn,
)

CONTRACT = Contract("chat", Audience.EVERYONE)
STARVED = FaultFigure("latency_p50", "ns", 2e6, 400e6, 200.0, 90.0, 450.0, 4, has_worsened=True)
BUSIER = FaultFigure("latency_p50", "ns", 2e6, 4e6, 2.0, 1.5, 2.6, 4, has_worsened=True)
SLOWER_TAIL = replace(STARVED, name="latency_p99")
KEPT = FaultResources(ServerState(50, 30), ServerState(60, 90), ServerState(55, 70), 15.0)
CLIENTS = (FaultTally("churn", 50), FaultTally("reset", 10))
FAULTS = FaultsRecord("churn=10/s,reset=2/s", 1.25, (STARVED,), CLIENTS)


def test_healthy_clients_that_wait_for_faulty_ones_are_starved() -> None:
    (finding,) = judge_faults(FAULTS, CONTRACT)
    assert (finding.check, finding.level) == ("served-beside-faults", Level.NON_STRICT)
    assert "400 ms instead of 2 ms (times 200, 95 % interval 90 to 450)" in finding.explanation


@pytest.mark.parametrize("figure", [BUSIER, SLOWER_TAIL])
def test_a_busier_server_without_starved_clients_is_information(figure: FaultFigure) -> None:
    (finding,) = judge_faults(replace(FAULTS, figures=(figure,)), CONTRACT)
    assert finding.level is Level.INFORMATIONAL


@pytest.mark.parametrize(
    "record",
    [
        replace(FAULTS, unsure="this machine was noisy"),
        replace(FAULTS, figures=(replace(STARVED, has_worsened=False),)),
        replace(FAULTS, figures=()),
    ],
)
def test_unknown_or_insignificant_effects_are_not_reported(record: FaultsRecord) -> None:
    assert judge_faults(record, CONTRACT) == []


def test_descriptors_kept_after_the_clients_have_left_are_reported() -> None:
    (finding,) = judge_faults(replace(FAULTS, figures=(), resources=KEPT), CONTRACT)
    assert (finding.check, finding.level) == ("released-after-faults", Level.NON_STRICT)
    assert "40 more open descriptors than before" in finding.explanation


@pytest.mark.parametrize(
    "after",
    [
        ServerState(55, 30),
        ServerState(55, 37),  # A pool has opened some.
        ServerState(90, 20),
        ServerState(55, None),
    ],
)
def test_released_descriptors_are_not_reported(after: ServerState) -> None:
    record = replace(FAULTS, figures=(), resources=replace(KEPT, after=after))
    assert judge_faults(record, CONTRACT) == []


def test_few_descriptors_for_thousands_of_clients_are_not_reported() -> None:
    crowd = (FaultTally("churn", 5_000),)
    assert judge_faults(replace(FAULTS, figures=(), tallies=crowd, resources=KEPT), CONTRACT) == []


LOST = StormTurn(True, 100, 60, None, 1.0, 400, 90, "the connection ended")
BACK = StormTurn(True, 100, 100, 5.2, 2.5)
AT_ONCE = replace(BACK, is_spread=False)


def storm(*turns: StormTurn, unsure: str = "") -> StormRecord:
    return StormRecord(turns, 5.0, 30.0, unsure)


def test_clients_that_cannot_reconnect_are_a_finding() -> None:
    (finding,) = judge_storm(storm(AT_ONCE, LOST, replace(LOST, returned=70), AT_ONCE), CONTRACT)
    assert (finding.check, finding.level) == ("reconnect-storm", Level.NON_STRICT)
    assert "only 60 of them are served again" in finding.explanation


def test_a_server_that_refuses_reconnects_with_a_status_is_information() -> None:
    limited = replace(LOST, refusal="HTTP 429")
    (finding,) = judge_storm(storm(limited, limited), CONTRACT)
    assert finding.level is Level.INFORMATIONAL


@pytest.mark.parametrize(
    "record",
    [
        storm(),
        storm(AT_ONCE, BACK, BACK, AT_ONCE),
        storm(AT_ONCE, LOST, BACK, AT_ONCE),  # A stalled machine may look like one loss in two storms.
        storm(LOST, LOST, unsure="the process of the clients used 95% of its core"),
    ],
)
def test_a_reconnect_storm_that_passes_is_not_reported(record: StormRecord) -> None:
    assert judge_storm(record, CONTRACT) == []

"""Tests of which options faulty clients and reconnect storms can be combined with."""

from __future__ import annotations

import pytest

from wsproof import BenchOptions, UsageError
from wsproof.load.faults.run import require_latencies
from wsproof.model.fault_load import parse_faults
from wsproof.session.bench_faults import faulty_connections, require_faults_possible
from wsproof.workloads import load_channels

FAULTS = parse_faults("stalled=5,churn=10/s")


@pytest.mark.parametrize(
    ("options", "is_mix", "message"),
    [
        (BenchOptions(faults=FAULTS, closed=True), False, "leave out --closed"),
        (BenchOptions(faults=FAULTS, steps=2), False, "leave out --steps"),
        (BenchOptions(faults=FAULTS), True, "cannot have --faults"),
        (BenchOptions(reconnect_storm=True), True, "cannot have --reconnect-storm"),
    ],
)
def test_options_that_contradict_faulty_clients_are_refused(options: BenchOptions, is_mix: bool, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        require_faults_possible(options, is_mix=is_mix)


def test_all_other_options_are_accepted() -> None:
    require_faults_possible(BenchOptions(faults=FAULTS, reconnect_storm=True))
    require_faults_possible(BenchOptions(closed=True, steps=2), is_mix=True)


def test_a_workload_without_publications_has_no_latencies() -> None:
    channels = load_channels("tutorial", {})
    require_latencies(channels["chat"])
    with pytest.raises(UsageError, match="publish none"):
        require_latencies(channels["dashboard"])


def test_the_server_gets_descriptors_for_the_faulty_clients() -> None:
    assert faulty_connections(BenchOptions()) == 0
    assert faulty_connections(BenchOptions(faults=FAULTS)) == 5 + 50

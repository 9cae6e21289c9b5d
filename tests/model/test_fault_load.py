"""Tests of the faulty clients beside a load: what `--faults` accepts, and the order of the windows."""

from __future__ import annotations

import pytest

from wsproof.model.fault_load import FaultKind, parse_faults
from wsproof.model.fault_windows import FaultWindows, windows_of
from wsproof.model.nanoseconds import NS


def test_every_kind_of_fault_can_be_parsed() -> None:
    text = "stalled=5,silent=3,slow-handshake=10,reset=1/s,churn=10/s,garbage=0.5/s"
    faults = parse_faults(text)
    assert faults.standing == {FaultKind.STALLED: 5, FaultKind.SILENT: 3, FaultKind.SLOW_HANDSHAKE: 10}
    assert faults.per_s == {FaultKind.RESET: 1.0, FaultKind.CHURN: 10.0, FaultKind.GARBAGE: 0.5}
    assert str(faults) == text
    assert parse_faults(str(faults)) == faults


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sleepy=5", "expected one of stalled, silent, slow-handshake, reset, churn, garbage, got 'sleepy'"),
        ("", "got ''"),
        ("stalled", "expected stalled=5"),
        ("stalled=5/s", "clients that are connected at a time"),
        ("churn=5", "clients that come each second"),
        ("churn=fast/s", "expected churn=1/s"),
        ("churn=0/s", "at most 1,000"),
        ("churn=1e9/s", "expected churn=1/s"),
        ("stalled=1.5", "expected stalled=5"),
        ("stalled=-1", "expected stalled=5"),
        ("stalled=1001", "at most 1,000"),
        ("reset=1/s,reset=2/s", "reset occurs twice"),
    ],
)
def test_a_wrong_entry_is_refused_with_the_right_form(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"expected|twice") as refusal:
        parse_faults(text)
    assert message in str(refusal.value)


@pytest.mark.parametrize(("seconds", "pairs"), [(1.0, 4), (10.0, 8), (20.0, 16), (600.0, 24)])
def test_the_windows_fill_the_measured_time(seconds: float, pairs: int) -> None:
    windows = windows_of(seconds, start_ns=7)
    assert windows.pairs == pairs
    assert windows.begin_ns(0) == 7
    assert 0 <= 7 + seconds * NS - windows.end_ns < 2 * pairs


def test_each_pair_of_windows_has_one_with_and_one_without_faults_in_mirrored_order() -> None:
    windows = FaultWindows(0, 10, 4)
    assert [windows.is_beside(number) for number in range(8)] == [False, True, True, False, False, True, True, False]
    assert [windows.pair(number) for number in range(4)] == [(0, 1), (3, 2), (4, 5), (7, 6)]
    assert windows.beside_runs == [(10, 30), (50, 70)]
    assert [windows.measured(number) for number in range(4)] == [(1, 10), (15, 20), (21, 30), (35, 40)]
    assert FaultWindows.from_json(windows.to_json()) == windows

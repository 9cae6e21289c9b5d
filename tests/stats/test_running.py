from __future__ import annotations

import pytest

from wsproof.model.load_second import LoadSecond, bucket_counts
from wsproof.model.summary import Summary
from wsproof.stats.objective import applies_to, parse_objective
from wsproof.stats.running import RunningLoad

MS = 1_000_000


def second(at_s: int, *latencies_ms: int, **more: int) -> LoadSecond:
    return LoadSecond(at_s, latency=bucket_counts(value * MS for value in latencies_ms), **more)  # type: ignore[arg-type]


def test_the_measured_window_leaves_out_the_seconds_in_which_users_arrived() -> None:
    ramp = LoadSecond(1, is_measured=False, latency=bucket_counts([900 * MS]), deliveries=50)
    load = RunningLoad([ramp, second(2, 5, deliveries=10), second(3, 5, deliveries=20)])
    assert load.per_second("deliveries") == 15
    assert load.summaries()["latency"].max == pytest.approx(5 * MS, rel=0.01)


def test_the_parts_of_one_second_are_added_up() -> None:
    load = RunningLoad([second(2, deliveries=10), second(2, deliveries=20, planned=4, missed=1)])
    assert load.per_second("deliveries") == 30
    assert load.reach == 0.75


def test_reach_and_overdue_messages_are_those_of_all_processes() -> None:
    load = RunningLoad()
    for at_s in (1, 2):
        load.add(second(at_s, planned=10 * at_s, overdue=bucket_counts([at_s * MS])), "one")  # type: ignore[arg-type]
    load.add(second(1, planned=20, missed=10, overdue=bucket_counts([9 * MS])), "other")  # type: ignore[arg-type]
    assert load.reach == 0.75
    assert load.summaries()["reach"].n == 40
    assert load.latency == bucket_counts([2 * MS, 9 * MS])


def test_an_overdue_message_counts_once_with_its_waiting_time() -> None:
    waits = [
        LoadSecond(at_s, latency=bucket_counts([MS]), overdue=bucket_counts([at_s * 1000 * MS])) for at_s in (2, 3)
    ]
    latency = RunningLoad(waits).summaries()["latency"]
    assert latency.n == 3
    assert latency.max == pytest.approx(3000 * MS, rel=0.01)


def test_the_largest_value_is_kept() -> None:
    load = RunningLoad([second(1, lag_ns=4), second(2, lag_ns=1)])
    assert load.largest("lag_ns") == 4


LATENCY = Summary("ns", "lower", 9, 1.0)
TICKS = {"feed_spread": Summary("ns", "lower", 3, 1.0), "latency": Summary("ns", "lower", 0, None)}
MESSAGES = {"latency": LATENCY, "reach": Summary("0-1", "higher", 9, 1.0)}


@pytest.mark.parametrize(
    ("objective", "feed", "chat"),
    [
        ("p99(latency) < 1s", False, True),
        ("p99(feed_spread) < 1s", True, False),
        ("lost == 0", True, True),
        ("mean(reach) == 1", False, True),
    ],
)
def test_an_objective_applies_to_the_workloads_that_can_have_its_metric(objective: str, feed: bool, chat: bool) -> None:
    parsed = parse_objective(objective)
    assert (applies_to(parsed, TICKS), applies_to(parsed, MESSAGES)) == (feed, chat)


def test_an_objective_applies_although_nothing_was_measured() -> None:
    assert applies_to(parse_objective("p99(latency) < 1s"), {})

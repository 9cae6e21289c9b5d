from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from wsproof.model.arrivals import POISSON
from wsproof.model.nanoseconds import NS
from wsproof.model.plan import Phase, Plan, schedule
from wsproof.model.turns import REST_SHARE, Turns, turns_of

PLAN = Plan(subscribers=3, publishers=2, rate_hz=400.0, seed=7)


def turns(seed: int = 0, rounds: int = 3) -> Turns:
    return turns_of(3, rounds=rounds, windows=4, window_ns=60_000_000, warmup=1, random=np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(5))
def test_each_round_has_as_many_windows_of_each_server_in_mirrored_order(seed: int) -> None:
    drawn = turns(seed)
    assert (drawn.rounds, drawn.per_round, drawn.servers, drawn.round_ns) == (4, 12, 3, 720_000_000)
    for start in range(0, len(drawn.order), drawn.per_round):
        assert set(Counter(drawn.order[start : start + drawn.per_round]).values()) == {4}
    for start in range(0, len(drawn.order), 6):
        half, mirrored = drawn.order[start : start + 3], drawn.order[start + 3 : start + 6]
        assert half == mirrored[::-1]


def test_the_order_depends_on_the_seed() -> None:
    assert turns(1) == turns(1)
    assert len({turns(seed).order for seed in range(5)}) == 5


def test_a_server_is_loaded_only_within_its_own_windows_and_not_at_their_ends() -> None:
    drawn = turns()
    for server in range(3):
        whole = schedule(drawn.plan_of(server, PLAN))
        window, inside = np.divmod(whole.offset_ns, drawn.window_ns)
        assert {drawn.order[index] for index in window.tolist()} == {server}
        assert inside.max() < drawn.window_ns * (1 - REST_SHARE)
        assert len(set(window.tolist())) == 4 * drawn.rounds


@pytest.mark.parametrize("arrivals", [PLAN.arrivals, POISSON])
def test_the_windows_of_all_servers_have_the_same_arrivals(arrivals: object) -> None:
    drawn = turns()
    inside = [
        (schedule(drawn.plan_of(server, Plan(rate_hz=400.0, arrivals=arrivals))).offset_ns % drawn.window_ns).tolist()  # type: ignore[arg-type]
        for server in range(3)
    ]
    assert inside[0] == inside[1] == inside[2]
    assert len(set(inside[0])) > len(inside[0]) * 0.9


def test_the_first_round_is_the_warm_up() -> None:
    drawn = turns()
    plan = drawn.plan_of(1, PLAN)
    assert (plan.warmup_s, plan.duration_s) == (drawn.round_ns / NS, 3 * drawn.round_ns / NS)
    whole = schedule(plan)
    assert (whole.phase == Phase.WARMUP).tolist() == (whole.offset_ns < drawn.round_ns).tolist()
    assert plan.rate_hz == pytest.approx(400 * (1 - REST_SHARE) / 3, rel=0.05)

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from math import exp
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from tests.comparison.blocks import finding
from tests.comparison.lives import STEPS, life
from tests.comparison.repositories import forgetful_echo, git
from wsproof import Comparison, Finding, TargetError, UsageError
from wsproof.comparison import windows
from wsproof.comparison.cells import Cell
from wsproof.comparison.life import ONCE, SIDES, LifeResult, once_per_life, shared, start_order
from wsproof.comparison.lives import Extent
from wsproof.comparison.order import Side
from wsproof.comparison.partial import PartialComparison
from wsproof.comparison.windows import compare_in_turn, compare_lives, lives_of, require_beside
from wsproof.model.comparison import WINDOWS, Judgement
from wsproof.model.finding import Anomaly
from wsproof.model.plan import Plan
from wsproof.model.summary import Summary, TrustWarning
from wsproof.report.formats.json_documents import load_schema
from wsproof.report.formats.page import comparison_page
from wsproof.report.store.run_dir import comparison_from_json
from wsproof.stats.compared_metrics import voids_judged
from wsproof.stats.comparison import is_narrow
from wsproof.target.target import Target, parse_target

UNSENT = TrustWarning("unsent", "Publications were left unsent.", "Use a lower rate.", invalidates=True)


def judged(lives: list[LifeResult], **facts: Any) -> Comparison:
    return compare_lives(lives, **({"base": {"ref": "main"}, "candidate": {"ref": "feature"}} | facts))


@pytest.mark.parametrize(
    ("ratio", "verdict"), [(1.0, Judgement.SAME), (1.2, Judgement.WORSE), (1 / 1.2, Judgement.BETTER)]
)
def test_a_comparison_of_lives_has_a_verdict(ratio: float, verdict: Judgement) -> None:
    comparison = judged([life(index, ratio) for index in range(8)])
    assert comparison.verdict is verdict
    assert (comparison.pairs, comparison.design) == (8, WINDOWS)
    assert comparison.idle_share == pytest.approx(0.002)


def test_seven_lives_give_no_worse_verdict() -> None:
    assert judged([life(index, 2.0) for index in range(7)]).verdict is Judgement.CANNOT_TELL


def test_a_candidate_with_a_new_violation_is_worse_at_any_speed() -> None:
    broken = [
        life(index, 0.5, findings=lambda side: [finding()] if side is Side.CANDIDATE else []) for index in range(8)
    ]
    comparison = judged(broken)
    assert comparison.verdict is Judgement.WORSE
    assert [violation.occurrences for violation in comparison.findings] == [8]


@pytest.mark.parametrize("side", [Side.BASE, Side.BASE_AGAIN])
def test_a_violation_of_either_base_process_is_not_new_in_the_candidate(side: Side) -> None:
    lives = [life(0, findings=lambda each: [finding()] if each in (side, Side.CANDIDATE) else [])]
    comparison = judged(lives + [life(index) for index in range(1, 8)])
    assert comparison.verdict is Judgement.SAME
    assert "faults-of-the-base" in [warning.code for warning in comparison.warnings]


def test_most_servers_untrusted_is_not_the_same() -> None:
    comparison = judged([life(index, warnings=lambda side: [UNSENT]) for index in range(8)])
    assert comparison.verdict is Judgement.CANNOT_TELL
    assert any("24 of 24 servers are untrusted" in warning.message for warning in comparison.warnings)


def test_a_disturbance_of_all_servers_alike_makes_none_of_them_untrusted() -> None:
    late = TrustWarning("schedule-slip", "Sent late.", "Wait.", invalidates=True, figures=("latency.p50",))
    assert not voids_judged(shared(late))
    assert shared(late).message == late.message
    assert shared(UNSENT) == UNSENT


def test_the_document_fits_its_schema_and_can_be_read_again() -> None:
    comparison = judged([life(index) for index in range(8)])
    document = json.loads(json.dumps(comparison.to_json()))
    jsonschema.validate(document, load_schema("wsproof.compare/1"))
    assert comparison_from_json(document) == comparison
    assert len(comparison.traces) == 4 * 8
    second = next(trace for trace in comparison.traces if trace.life == 1)
    assert second.at_s == (20.0, 21.0, 22.0, 23.0, 24.0)


def test_the_spectrum_of_a_build_is_the_median_of_its_lives_between_the_lowest_and_the_highest() -> None:
    comparison = judged([life(index, 2.0) for index in range(8)])
    p50 = comparison.spectra["percentiles"].index(50.0)
    base, candidate = (
        [comparison.spectra[side][edge][p50] for edge in ("low", "middle", "high")] for side in ("base", "candidate")
    )
    assert base == pytest.approx([1.5e6] * 3)
    assert candidate == pytest.approx([3e6 * exp(min(STEPS)), 3e6, 3e6 * exp(max(STEPS))], rel=1e-3)
    assert comparison.spectra["base"]["middle"][-1] is None


def test_memory_and_connect_time_are_shown_and_never_judged() -> None:
    comparison = judged([life(index, 2.0) for index in range(8)])
    rows = {row.metric: row for row in comparison.metrics}
    for name in ONCE:
        assert rows[name].ratio == pytest.approx(2.0, rel=0.01)
        assert not rows[name].primary
        assert rows[name].verdict is Judgement.CANNOT_TELL
    assert comparison.loaded_share == pytest.approx(0.4)
    page = comparison_page(comparison)
    assert "A loaded one used 40 % of a core" in page
    assert page.count("not judged</span>") == len(ONCE)


def test_a_life_in_which_a_server_lacks_such_a_figure_does_not_count_for_it() -> None:
    first, *rest = (life(index) for index in range(8))
    bare = replace(first, servers=(replace(first.servers[0], once={}), *first.servers[1:]))
    pairs = {row.metric: len(row.pairs) for row in judged([bare, *rest]).metrics}
    assert (pairs["connect_time_p50"], pairs["latency_p50"]) == (7, 8)


def test_the_figures_of_a_life_without_a_value_are_left_out() -> None:
    assert once_per_life({"connect_time": Summary("ns", "lower", 3, 5.0, p50=5.0)}) == {"connect_time_p50": 5.0}
    assert once_per_life({"memory_per_connection": Summary("KiB", "lower", 1, -1.0)}) == {}


def test_lives_of_earlier_versions_have_no_spectrum() -> None:
    lives = [
        replace(measured, servers=tuple(replace(server, spectrum=()) for server in measured.servers))
        for measured in (life(index) for index in range(8))
    ]
    assert judged(lives).spectra == {}


def test_a_violation_is_new_fixed_or_in_both_builds() -> None:
    def findings_of(side: Side) -> list[Finding]:
        return [finding(Anomaly.DUPLICATED), finding(Anomaly.LOST if side is Side.CANDIDATE else Anomaly.REORDERED)]

    comparison = judged([life(index, findings=findings_of) for index in range(8)])
    assert [violation.anomaly for violation in comparison.findings] == [Anomaly.LOST]
    assert [violation["anomaly"] for violation in comparison.differences["fixed"]] == ["reordered"]
    assert [violation["anomaly"] for violation in comparison.differences["both"]] == ["duplicated"]
    document = json.loads(json.dumps(comparison.to_json()))
    jsonschema.validate(document, load_schema("wsproof.compare/1"))
    page = comparison_page(comparison_from_json(document))
    assert "1 new, 1 fixed, 1 in both" in page
    assert "reordered was seen" in page


def test_each_server_starts_first_second_and_last_equally_often() -> None:
    orders = [start_order(index, np.random.default_rng((0, index))) for index in range(60)]
    assert all(set(order) == set(SIDES) for order in orders)
    assert Counter(order.index(Side.CANDIDATE) for order in orders) == {0: 20, 1: 20, 2: 20}
    first = Counter(order.index(Side.BASE) < order.index(Side.BASE_AGAIN) for order in orders)
    assert min(first.values()) > 20


def test_the_rule_to_end_looks_at_widths_and_never_at_the_verdict() -> None:
    for ratio in (1.0, 1.04, 3.0):
        lives = lives_of([life(index, ratio) for index in range(8)])
        assert is_narrow(lives, 0.01)
        assert not is_narrow(lives, 0.001)


def command(port: str) -> Target:
    return parse_target(f"cmd:serve --port {port}", ready=f"http://127.0.0.1:{port}/")


def test_a_fixed_port_is_refused_with_advice() -> None:
    require_beside([command("{port}")])
    with pytest.raises(UsageError, match="--apart"):
        require_beside([command("8080")])


PLAN = Plan(subscribers=3, publishers=2, rate_hz=400.0)


def compare(repo: Path, **options: Any) -> Comparison:
    defaults: dict[str, Any] = {
        "target": lambda cwd, python: parse_target("app:app", cwd=cwd, python=python),
        "plan": PLAN,
        "channels": "tutorial",
        "extent": Extent(lives=8),
    }
    return compare_in_turn("main", "feature", repo=repo, **(defaults | options))


class Unmeasured:
    """A life without servers. Its result is that of the function `result`, called with the index and the targets."""

    def __init__(self, result: Callable[[int, Any], LifeResult]) -> None:
        self._result = result

    def __call__(self, index: int, targets: Any, load: Any, *, seed: int) -> Unmeasured:
        self._index, self._targets = index, targets
        return self

    def __enter__(self) -> Unmeasured:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def measure(self, rounds: int, progress: Any) -> Unmeasured:
        self._measured = self._result(self._index, self._targets)
        return self

    def finish(self) -> LifeResult:
        return self._measured


def test_both_builds_are_alive_in_each_life_and_the_base_twice(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    builds: list[tuple[int, bool, bool]] = []

    def by_value(index: int, targets: Any) -> LifeResult:
        value = {side: int((targets[side].cwd / "app.py").read_text().split("=")[1]) for side in SIDES}
        builds.append((index, value[Side.BASE] == value[Side.BASE_AGAIN], value[Side.BASE] == value[Side.CANDIDATE]))
        return life(index, value[Side.CANDIDATE] / value[Side.BASE])

    monkeypatch.setattr(windows, "StartedLife", Unmeasured(by_value))
    lives: list[LifeResult] = []
    checkpoints: list[Comparison] = []
    comparison = compare(repo, keep=lives.append, checkpoint=checkpoints.append)
    assert [(checkpoint.pairs, checkpoint.verdict) for checkpoint in checkpoints][:2] == [
        (1, "cannot-tell"),
        (2, "cannot-tell"),
    ]
    assert all("cut-short" in [warning.code for warning in checkpoint.warnings] for checkpoint in checkpoints)
    assert "cut-short" not in [warning.code for warning in comparison.warnings]
    assert builds == [(index, True, False) for index in range(8)]
    assert comparison.verdict is Judgement.WORSE
    assert (comparison.differences["files"], comparison.differences["packages"]) == (["app.py"], {})
    assert len(lives) == comparison.pairs == 8
    assert len(git(repo, "worktree", "list").splitlines()) == 1


CELLS = (Cell("chat", PLAN), Cell("granian, chat", PLAN, "granian"))


def test_the_lives_of_several_cells_alternate_and_each_starts_its_own_server_and_load(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers: list[tuple[int, str]] = []

    def by_server(index: int, targets: Any) -> LifeResult:
        servers.append((index, targets[Side.CANDIDATE].server))
        return life(index, 1.3 if targets[Side.BASE].server == "granian" else 1.0)

    monkeypatch.setattr(windows, "StartedLife", Unmeasured(by_server))
    lives: list[LifeResult] = []
    comparison = compare(repo, cells=CELLS, keep=lives.append)
    assert servers[:4] == [(0, "auto"), (0, "granian"), (1, "auto"), (1, "granian")]
    assert [(each.index, each.cell) for each in lives[:3]] == [(0, "chat"), (1, "granian, chat"), (2, "chat")]
    assert len(lives) == 18
    verdicts = {row.metric: row.verdict for row in comparison.metrics}
    assert verdicts["chat: latency_p50"] is Judgement.SAME
    assert verdicts["granian, chat: latency_p50"] is Judgement.WORSE
    assert comparison.verdict is Judgement.WORSE
    assert {trace.metric for trace in comparison.traces} == {row.metric for row in comparison.metrics if row.primary}
    assert comparison.spectra == {}
    page = comparison_page(comparison)
    assert "granian, chat: Latency p50" in page
    assert 'id="rounds-granian-chat-latency_p50-t"' in page


def test_all_cells_are_adjusted_together() -> None:
    one_cell = judged([life(index, 1.3) for index in range(8)])
    two_cells = judged([replace(life(index // 2, 1.3), cell=CELLS[index % 2].name) for index in range(16)])
    assert len(two_cells.metrics) == 2 * len(one_cell.metrics)
    assert two_cells.metrics[0].p == pytest.approx(2 * (one_cell.metrics[0].p or 0))


def test_until_waits_for_the_fewest_lives_of_each_cell(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "StartedLife", Unmeasured(lambda index, targets: life(index)))
    assert compare(repo, cells=CELLS, extent=Extent(lives=12, until=0.01)).pairs == 18


def test_windows_measured_before_an_interrupt_are_kept_without_a_verdict(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def three_lives(index: int, targets: Any) -> LifeResult:
        if index == 3:
            raise KeyboardInterrupt
        return life(index)

    monkeypatch.setattr(windows, "StartedLife", Unmeasured(three_lives))
    with pytest.raises(PartialComparison) as stopped:
        compare(repo)
    assert stopped.value.comparison.pairs == 3
    assert stopped.value.comparison.verdict is Judgement.CANNOT_TELL
    (cut,) = (warning for warning in stopped.value.comparison.warnings if warning.code == "cut-short")
    assert "3 of 8 lives" in cut.message


def test_until_ends_a_comparison_once_all_judged_intervals_are_narrow_and_not_before_eight_lives(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "StartedLife", Unmeasured(lambda index, targets: life(index)))
    assert compare(repo, extent=Extent(lives=12, until=0.01)).pairs == 8
    assert compare(repo, extent=Extent(lives=12)).pairs == 12
    monkeypatch.setattr(windows, "StartedLife", Unmeasured(lambda index, targets: life(index, scale=10.0)))
    assert compare(repo, extent=Extent(lives=12, until=0.01)).pairs == 12


def test_a_server_that_does_not_start_beside_the_other_is_named_with_advice(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any, **options: Any) -> LifeResult:
        raise TargetError("the server ended")

    monkeypatch.setattr(windows, "StartedLife", refuse)
    with pytest.raises(TargetError, match=r"feature .*the server ended.*--apart"):
        compare(repo)


def test_three_real_servers_are_loaded_in_turn_and_the_one_that_loses_messages_is_worse(tmp_path: Path) -> None:
    repo = forgetful_echo(tmp_path / "repo", 9)
    lives: list[LifeResult] = []
    comparison = compare_in_turn(
        "main",
        "forgetful",
        repo=repo,
        target=lambda cwd, python: parse_target("shop:app", path="/ws", cwd=cwd, python=python),
        plan=Plan(workload="echo", subscribers=2, publishers=2, rate_hz=400.0, ramp_s=20, drain_s=3),
        channels="tutorial",
        extent=Extent(lives=1, rounds=2),
        keep=lives.append,
    )
    assert comparison.verdict is Judgement.WORSE
    assert [violation.anomaly for violation in comparison.findings] == ["lost"]
    (measured,) = lives
    for side in SIDES:
        assert all(value is not None for value in measured.of(side).values["latency_p50"])
    assert not measured.of(Side.BASE).findings

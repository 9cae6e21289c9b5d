from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.comparison.blocks import result
from tests.comparison.repositories import commit, git
from wsproof import Comparison, TargetError, UsageError
from wsproof.comparison import refs
from wsproof.comparison.blocks import BlockResult, Load
from wsproof.comparison.order import Block, Side
from wsproof.comparison.partial import PartialComparison
from wsproof.errors import GitError
from wsproof.load import Progress, Watcher
from wsproof.model.comparison import Judgement
from wsproof.model.plan import Plan
from wsproof.target.target import Target, parse_target

PLAN = Plan(subscribers=3, duration_s=1.0, warmup_s=0.0)


def app_target(cwd: Path, python: str | None) -> Target:
    return parse_target("app:app", cwd=cwd, python=python)


@pytest.fixture
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


Runner = Callable[[int, Block, Target, Load, Watcher | None], BlockResult]


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[[Runner], None]:
    """Return a function that replaces `run_block`, so that no server starts."""
    return lambda runner: monkeypatch.setattr(refs, "run_block", runner)


def compare(repo: Path, **options: Any) -> Comparison:
    defaults: dict[str, Any] = {"target": app_target, "plan": PLAN, "channels": "tutorial", "pairs": 8, "seed": 4}
    return refs.compare_refs("main", "feature", repo=repo, **(defaults | options))


def by_value(index: int, block: Block, target: Target, load: Load, progress: Watcher | None) -> BlockResult:
    """Return a block whose latency is the number in the server's app.py."""
    value = int((target.cwd / "app.py").read_text().split("=")[1])
    if progress is not None:
        progress(Progress("measure", 0.5))
    return result(index, block, 10.0 * value)


def test_base_and_candidate_are_measured_each_in_its_own_tree(
    repo: Path, temporary_folder: Path, scripted: Callable[[Runner], None]
) -> None:
    scripted(by_value)
    comparison = compare(repo)
    assert comparison.verdict is Judgement.WORSE
    assert comparison.metrics[0].ratio == pytest.approx(3, rel=0.01)
    assert (comparison.base["subject"], comparison.base["merge_base"]) == ("one", True)
    assert comparison.candidate["sha"] == git(repo, "rev-parse", "feature")
    assert (comparison.pairs, comparison.seed, len(comparison.order)) == (8, 4, 24)
    assert comparison.plan["channels"] == "tutorial"
    assert list(temporary_folder.iterdir()) == []


def test_the_exact_base_is_the_tip_of_the_base(repo: Path, scripted: Callable[[Runner], None]) -> None:
    scripted(by_value)
    comparison = compare(repo, exact_base=True)
    assert comparison.metrics[0].ratio == pytest.approx(1.5, rel=0.01)
    assert "merge_base" not in comparison.base


def test_each_block_is_handed_over_at_once_and_an_interrupt_loses_only_one(
    repo: Path, temporary_folder: Path, scripted: Callable[[Runner], None]
) -> None:
    def interrupted(index: int, block: Block, target: Target, load: Load, progress: Watcher | None) -> BlockResult:
        if index == 5:
            raise KeyboardInterrupt
        return by_value(index, block, target, load, progress)

    scripted(interrupted)
    blocks: list[BlockResult] = []
    with pytest.raises(PartialComparison) as interrupt:
        compare(repo, keep=blocks.append)
    assert [block.index for block in blocks] == [0, 1, 2, 3, 4]
    assert isinstance(interrupt.value.cause, KeyboardInterrupt)
    comparison = interrupt.value.comparison
    assert comparison.verdict is Judgement.CANNOT_TELL
    assert [warning.message for warning in comparison.warnings if warning.code == "cut-short"] == [
        "Only 5 of 24 blocks were measured: the comparison ended early."
    ]
    assert list(temporary_folder.iterdir()) == []
    assert len(git(repo, "worktree", "list").splitlines()) == 1


def test_an_interrupt_in_the_first_block_leaves_nothing_to_judge(
    repo: Path, scripted: Callable[[Runner], None]
) -> None:
    def interrupted(*_: object) -> BlockResult:
        raise KeyboardInterrupt

    scripted(interrupted)
    with pytest.raises(KeyboardInterrupt):
        compare(repo)


def test_progress_goes_forward_through_the_whole_comparison(repo: Path, scripted: Callable[[Runner], None]) -> None:
    scripted(by_value)
    reports: list[Progress] = []
    compare(repo, progress=reports.append)
    assert [step.done for step in reports] == sorted(step.done for step in reports)
    assert [step.phase for step in reports[:2]] == ["prepare main", "prepare feature"]
    assert 0 < reports[2].done < 1 / 24
    assert reports[-1].phase.startswith("block 24 of 24")


def test_a_build_that_does_not_start_is_named(
    repo: Path, temporary_folder: Path, scripted: Callable[[Runner], None]
) -> None:
    def broken(index: int, block: Block, target: Target, load: Load, progress: Watcher | None) -> BlockResult:
        if block.side is Side.CANDIDATE:
            raise TargetError("it raised at import")
        return by_value(index, block, target, load, progress)

    scripted(broken)
    with pytest.raises(TargetError, match=r"in feature \([0-9a-f]{10}\): it raised at import"):
        compare(repo)
    assert list(temporary_folder.iterdir()) == []


def test_a_url_cannot_be_two_builds(repo: Path, temporary_folder: Path) -> None:
    with pytest.raises(UsageError, match="cannot be two builds at once"):
        compare(repo, target=lambda cwd, python: parse_target("ws://127.0.0.1:9/ws", cwd=cwd))
    assert list(temporary_folder.iterdir()) == []


def test_a_build_without_the_target_is_named(repo: Path) -> None:
    with pytest.raises(UsageError, match=r"in main \([0-9a-f]{10}\): no TARGET was given"):
        compare(repo, target=lambda cwd, python: parse_target(None, cwd=cwd, python=python))


def test_a_missing_ref_is_an_error_before_a_server_starts(repo: Path, scripted: Callable[[Runner], None]) -> None:
    scripted(lambda *arguments: pytest.fail("nothing may be measured"))
    with pytest.raises(GitError, match="did you mean main"):
        refs.compare_refs("mian", "feature", repo=repo, target=app_target, plan=PLAN)


def test_a_comparison_without_pairs_is_a_usage_error(repo: Path) -> None:
    with pytest.raises(UsageError, match="--pairs of at least 1"):
        compare(repo, pairs=0)


def test_a_subfolder_is_compared_from_within_the_subfolder(repo: Path, scripted: Callable[[Runner], None]) -> None:
    git(repo, "switch", "--quiet", "--detach", "main~1")
    commit(repo, "with a service", service__app_py="VALUE = 7\n")
    git(repo, "branch", "service")
    places: list[Path] = []

    def note_place(index: int, block: Block, target: Target, load: Load, progress: Watcher | None) -> BlockResult:
        places.append(target.cwd)
        return by_value(index, block, target, load, progress)

    scripted(note_place)
    refs.compare_refs(
        "service", "service", repo=repo / "service", target=app_target, plan=PLAN, pairs=1, channels="tutorial"
    )
    assert {place.name for place in places} == {"service"}
    assert len(set(places)) == 2


def test_settings_of_the_channels_reach_the_server(repo: Path, scripted: Callable[[Runner], None]) -> None:
    periods: set[str] = set()

    def note_period(index: int, block: Block, target: Target, load: Load, progress: Watcher | None) -> BlockResult:
        periods.add(dict(target.env)["TARGET_APP_DASHBOARD_PERIOD"])
        return by_value(index, block, target, load, progress)

    scripted(note_period)
    compare(repo, settings={"dashboard.period": "0.25"}, pairs=1)
    assert periods == {"0.25"}

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.comparison.comparisons import comparison
from tests.comparison.repositories import commit, git
from wsproof import CompareOptions, Comparison, Console
from wsproof.model.bisection import Bisection
from wsproof.model.comparison import Judgement
from wsproof.report.store.run_dir import ComparisonDir
from wsproof.session import bisect as session
from wsproof.session.bisect import bisect
from wsproof.session.compare import conditions_of
from wsproof.session.context import CommandContext
from wsproof.session.options import BisectOptions

FIRST_BAD = 4


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a repository with the commits c0 to c7, and make it the current directory."""
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    for number in range(8):
        commit(folder, f"c{number}")
    monkeypatch.chdir(folder)
    return folder


class FakeComparisons:
    """Comparisons without servers: commits from FIRST_BAD on are worse. Ctrl-C comes at commit number `stops_at`."""

    def __init__(self, folder: Path, stops_at: int | None = None) -> None:
        self._folder = folder
        self.stops_at = stops_at
        self.compared: list[int] = []

    def __call__(self, context: CommandContext[CompareOptions]) -> tuple[Comparison, ComparisonDir]:
        options = context.options
        number = int(git(self._folder, "log", "-1", "--format=%s", options.candidate)[1:])
        if number == self.stops_at:
            raise KeyboardInterrupt
        self.compared.append(number)
        verdict = Judgement.WORSE if number >= FIRST_BAD else Judgement.SAME
        result = replace(
            comparison(latency_p50=verdict),
            base={"ref": options.base, "sha": git(self._folder, "rev-parse", options.base)},
            candidate={"ref": options.candidate, "sha": git(self._folder, "rev-parse", options.candidate)},
            plan=conditions_of(context),
        )
        directory = context.store.new_comparison(options.base, options.candidate)
        directory.write(result)
        return result, directory


class RecordingConsole(Console):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str, style: str = "") -> None:
        self.lines.append(text)


def search(
    comparisons: FakeComparisons, monkeypatch: pytest.MonkeyPatch, console: Console | None = None, **options: Any
) -> Bisection:
    monkeypatch.setattr(session, "compare_and_keep", comparisons)
    defaults = {"base": "main~7", "candidate": "main", "target": "shop:app", "channels": "tutorial", "out": Path("out")}
    return bisect(BisectOptions(**{**defaults, **options}), console=console or RecordingConsole())


def test_the_first_bad_commit_is_named_with_its_comparison(history: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    comparisons, console = FakeComparisons(history), RecordingConsole()
    result = search(comparisons, monkeypatch, console)
    assert result.first_bad is not None
    assert result.first_bad["subject"] == f"c{FIRST_BAD}"
    assert not result.is_undecided
    assert console.lines[0].startswith("7 commits after main~7")
    assert comparisons.compared[0] == 7
    assert result.comparison is not None
    assert result.comparison.candidate["sha"] == result.first_bad["sha"]


def test_an_interrupted_search_goes_on_where_it_was(history: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uninterrupted = FakeComparisons(history)
    search(uninterrupted, monkeypatch, out=Path("elsewhere"))
    with pytest.raises(KeyboardInterrupt):
        search(FakeComparisons(history, stops_at=uninterrupted.compared[2]), monkeypatch)
    resumed, console = FakeComparisons(history), RecordingConsole()
    result = search(resumed, monkeypatch, console)
    assert resumed.compared == uninterrupted.compared[2:]
    assert [step.is_reused for step in result.steps] == [True, True, *[False] * (len(uninterrupted.compared) - 2)]
    assert "from its stored comparison" in console.lines[1]


@pytest.mark.parametrize("changes", [{"fresh": True}, {"rate": 500.0}, {"target": "other:app"}, {"setup": "make"}])
def test_a_comparison_under_other_conditions_is_not_used_again(
    history: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    first = FakeComparisons(history)
    search(first, monkeypatch)
    again = FakeComparisons(history)
    search(again, monkeypatch, **changes)
    assert again.compared == first.compared

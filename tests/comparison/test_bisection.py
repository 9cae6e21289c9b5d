from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from tests.comparison.blocks import finding
from tests.comparison.comparisons import comparison
from tests.comparison.repositories import commit, git
from wsproof import Comparison, TargetError, UsageError
from wsproof.comparison.bisection import Symptoms, TestedCommit, find_first_bad, require_history, steps_left
from wsproof.comparison.evidence import UNJUDGED
from wsproof.comparison.repository import Commit, Repository
from wsproof.errors import GitError
from wsproof.model.bisection import Bisection, CommitState
from wsproof.model.comparison import Judgement
from wsproof.model.summary import TrustWarning
from wsproof.report.formats.json_documents import load_schema
from wsproof.report.text.bisection import bisection_sentence

SAME, WORSE, UNCLEAR = Judgement.SAME, Judgement.WORSE, Judgement.CANNOT_TELL
FAST = comparison(latency_p50=SAME, server_cpu_per_delivery=SAME)
SLOW = comparison(latency_p50=WORSE, server_cpu_per_delivery=SAME)
NOISY = comparison(latency_p50=UNCLEAR, server_cpu_per_delivery=SAME)
COMMITS = 12


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository with the commits c0 to c12."""
    folder = tmp_path_factory.mktemp("history")
    git(folder, "init", "--quiet", "--initial-branch=main")
    for number in range(COMMITS + 1):
        commit(folder, f"c{number}")
    return Repository(folder)


class FakeTest:
    """Replaces the comparison of a commit by a function of its number, and records the order of the commits."""

    def __init__(self, compare: Callable[[int], Comparison]) -> None:
        self._compare = compare
        self.tested: list[int] = []

    def __call__(self, commit: Commit) -> TestedCommit:
        number = int(commit.subject.removeprefix("c"))
        self.tested.append(number)
        return TestedCommit(self._compare(number), f"record-{number}")


def search(history: Repository, compare: Callable[[int], Comparison]) -> tuple[Bisection, list[int]]:
    tester = FakeTest(compare)
    good, bad = history.commit(f"main~{COMMITS}"), history.commit("main")
    return find_first_bad(history, good, bad, tester), tester.tested


def subjects(result: Bisection) -> list[str]:
    return sorted((each["subject"] for each in result.suspects), key=lambda subject: int(subject[1:]))


@pytest.mark.parametrize("first_bad", [1, 5, 6, 11, 12])
def test_the_first_bad_commit_is_found_in_few_comparisons(history: Repository, first_bad: int) -> None:
    result, tested = search(history, lambda number: SLOW if number >= first_bad else FAST)
    assert result.first_bad is not None
    assert result.first_bad["subject"] == f"c{first_bad}"
    assert tested[0] == COMMITS
    assert len(tested) <= 5
    assert result.comparison is SLOW
    assert bisection_sentence(result).startswith("FIRST BAD COMMIT")


def test_the_order_is_that_of_git_bisect(history: Repository) -> None:
    _, tested = search(history, lambda number: SLOW if number >= 5 else FAST)
    git(history.root, "bisect", "start", "--no-checkout", "main", f"main~{COMMITS}")
    try:
        first = git(history.root, "log", "-1", "--format=%s", "BISECT_HEAD")
    finally:
        git(history.root, "bisect", "reset")
    assert f"c{tested[1]}" == first


@pytest.mark.parametrize("untestable", [UsageError, TargetError])
def test_a_commit_that_cannot_be_tested_is_skipped(history: Repository, untestable: type[UsageError]) -> None:
    def compare(number: int) -> Comparison:
        if number == 6:
            raise untestable("in c6: it raised at import\nIts last lines: ...")
        return SLOW if number >= 9 else FAST

    result, tested = search(history, compare)
    assert 6 in tested
    assert subjects(result) == ["c9"]
    (skipped,) = (step for step in result.steps if step.state is CommitState.SKIPPED)
    assert (skipped.subject, skipped.reason, skipped.record) == ("c6", "in c6: it raised at import", "")


def test_skipped_commits_at_the_edge_stay_suspects(history: Repository) -> None:
    result, _ = search(history, lambda number: NOISY if number in (5, 6) else SLOW if number >= 6 else FAST)
    assert result.first_bad is None
    assert subjects(result) == ["c5", "c6", "c7"]
    assert "one of 3" in bisection_sentence(result)


def test_only_what_makes_the_bad_commit_worse_counts(history: Repository) -> None:
    """c3 to c7 are worse in CPU, which c8 mended. The bad commit is worse in latency, since c10."""

    def compare(number: int) -> Comparison:
        cpu = WORSE if 3 <= number < 8 else SAME
        return comparison(latency_p50=WORSE if number >= 10 else SAME, server_cpu_per_delivery=cpu)

    assert subjects(search(history, compare)[0]) == ["c10"]


def test_a_new_violation_is_searched_for_whatever_the_figures_are(history: Repository) -> None:
    def compare(number: int) -> Comparison:
        return comparison(latency_p50=UNCLEAR, findings=[finding()] if number >= 4 else [])

    assert subjects(search(history, compare)[0]) == ["c4"]


def test_a_commit_whose_correctness_is_unknown_is_not_good_if_a_violation_is_searched_for(history: Repository) -> None:
    unjudged = replace(FAST, warnings=(TrustWarning(UNJUDGED, "nothing arrived", "look", invalidates=True),))

    def compare(number: int) -> Comparison:
        if number == 6:
            return unjudged
        return comparison(latency_p50=SAME, findings=[finding()] if number >= 7 else [])

    assert subjects(search(history, compare)[0]) == ["c6", "c7"]
    assert Symptoms(metrics=frozenset({"latency_p50"})).state_of(unjudged) == (CommitState.GOOD, "")


@pytest.mark.parametrize(
    ("comparison", "state", "sentence"),
    [(FAST, CommitState.GOOD, "NOTHING TO FIND"), (NOISY, CommitState.SKIPPED, "CANNOT TELL whether")],
)
def test_a_bad_commit_that_is_not_worse_ends_the_search(
    history: Repository, comparison: Comparison, state: CommitState, sentence: str
) -> None:
    result, tested = search(history, lambda number: comparison)
    assert tested == [COMMITS]
    assert (result.suspects, result.steps[0].state) == ((), state)
    assert bisection_sentence(result).startswith(sentence)


def test_a_bad_commit_that_cannot_be_tested_is_an_error(history: Repository) -> None:
    def compare(number: int) -> Comparison:
        raise TargetError("no")

    with pytest.raises(TargetError):
        search(history, compare)


def test_ctrl_c_ends_the_search(history: Repository) -> None:
    def compare(number: int) -> Comparison:
        if number != COMMITS:
            raise KeyboardInterrupt
        return SLOW

    with pytest.raises(KeyboardInterrupt):
        search(history, compare)


def test_a_good_commit_that_is_newer_than_the_bad_one_is_refused(history: Repository) -> None:
    with pytest.raises(GitError, match="GOOD BAD"):
        require_history(history, history.commit("main"), history.commit("main~3"))
    with pytest.raises(UsageError, match="no commits between"):
        find_first_bad(history, history.commit("main"), history.commit("main"), FakeTest(lambda number: FAST))


def test_the_search_begins_where_the_bad_branch_left_the_good_one(repo: Path) -> None:
    repository = Repository.containing(repo)
    assert require_history(repository, repository.commit("main"), repository.commit("feature")).subject == "one"


@pytest.mark.parametrize(("suspects", "steps"), [(0, 0), (1, 0), (2, 1), (12, 4), (1000, 10)])
def test_the_number_of_comparisons_to_come(suspects: int, steps: int) -> None:
    assert steps_left(suspects) == steps


def test_the_document_fits_its_schema(history: Repository) -> None:
    result, _ = search(history, lambda number: SLOW if number >= 5 else FAST)
    jsonschema.validate(json.loads(json.dumps(result.to_json())), load_schema("wsproof.bisect/1"))

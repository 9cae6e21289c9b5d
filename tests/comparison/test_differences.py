from __future__ import annotations

import sys
from pathlib import Path

import pytest

from wsproof import TargetError
from wsproof.comparison import differences
from wsproof.comparison.commits import find_commits
from wsproof.comparison.differences import build_differences, package_differences
from wsproof.comparison.order import Side
from wsproof.target.target import Target, parse_target


def targets(*pythons: str) -> dict[Side, Target]:
    sides = (Side.BASE, Side.CANDIDATE)
    return {side: parse_target("app:app", python=python) for side, python in zip(sides, pythons, strict=True)}


def test_packages_differ_in_their_version_or_are_in_one_build_only() -> None:
    base, candidate = {"uvicorn": "1", "redis": "5", "h11": "1"}, {"uvicorn": "2", "h11": "1", "wsproto": "1"}
    assert package_differences(base, candidate) == {"redis": ["5", None], "uvicorn": ["1", "2"], "wsproto": [None, "1"]}


def test_one_environment_for_both_builds_has_no_differences(repo: Path) -> None:
    commits = find_commits("main", "feature", repo)
    assert build_differences(commits, targets(sys.executable, sys.executable)) == {
        "files": ["app.py"],
        "changed_files": 1,
        "packages": {},
    }


def test_two_environments_are_listed(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differences, "installed_packages", lambda python: {"uvicorn": python})
    commits = find_commits("main", "feature", repo)
    assert build_differences(commits, targets("one", "two"))["packages"] == {"uvicorn": ["one", "two"]}


def test_packages_that_cannot_be_listed_end_no_comparison(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(python: str) -> dict[str, str]:
        raise TargetError("no such interpreter")

    monkeypatch.setattr(differences, "installed_packages", fail)
    commits = find_commits("main", "feature", repo)
    assert build_differences(commits, targets("one", "two"))["packages_unknown"] == "no such interpreter"

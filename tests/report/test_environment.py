"""Tests that facts about commit and machine contain no names of users, hosts or paths."""

from __future__ import annotations

import getpass
import json
import socket
import subprocess
from pathlib import Path

import pytest

from wsproof.report.store.environment import git_facts, machine_facts


def git(cwd: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *identity, *arguments], cwd=cwd, check=True, capture_output=True)


def test_outside_a_repository_all_git_fields_are_null(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert set(git_facts(tmp_path).values()) == {None}


def test_without_git_all_git_fields_are_null(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert set(git_facts(tmp_path).values()) == {None}


def test_branch_commit_and_changes_are_recorded(tmp_path: Path) -> None:
    git(tmp_path, "init")
    assert git_facts(tmp_path) == {"branch": "main", "sha": None, "dirty": None, "describe": None}
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-m", "one")
    facts = git_facts(tmp_path)
    assert (facts["branch"], facts["dirty"], len(facts["sha"])) == ("main", False, 40)
    (tmp_path / "file").write_text("two")
    assert git_facts(tmp_path)["dirty"] is True
    assert git_facts(tmp_path)["describe"].endswith("-dirty")
    git(tmp_path, "checkout", "--detach")
    assert git_facts(tmp_path)["branch"] is None


def test_the_machine_is_described_without_host_names_and_paths() -> None:
    facts = machine_facts()
    text = json.dumps(facts)
    assert facts["cores"] >= 1
    assert facts["memory_bytes"] > 2**20
    assert facts["packages"]["numpy"]
    assert socket.gethostname() not in text
    assert str(Path.home()) not in text
    assert getpass.getuser() not in text.lower().split('"')

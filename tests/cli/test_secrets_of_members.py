"""Tests that a check sends the members' secrets to the server, and neither stores nor prints them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.shell import wsproof
from tests.cli.ticketed_project import TARGET, assert_hidden, leaks, project

__all__ = ["project"]
CHECK = ("check", *TARGET, "--only", "ticketed.delivery", "--examples", "2")


def test_no_secret_of_a_member_is_written_or_printed(project: Path, tmp_path: Path) -> None:
    assert_hidden((*CHECK, "--only", "5.6"), {1}, project, tmp_path)


def test_no_secret_is_written_in_the_evidence_of_lost_messages(project: Path, tmp_path: Path) -> None:
    result = assert_hidden((*CHECK, "--env", "FAULT=lose"), {1}, project, tmp_path)
    assert "called 'u1'" in result.out
    assert "ticketed.delivery" in result.out


@pytest.mark.slow
def test_a_replay_signs_in_again_by_itself(project: Path, tmp_path: Path) -> None:
    words = ("check", "ticketed:app", "--channels", "ticketed_channels", "--env", "FAULT=lose")
    result = wsproof(*words, "--only", "ticketed.delivery", "--examples", "1", "--out", str(tmp_path), cwd=project)
    (finding,) = tmp_path.glob("runs/2*/findings/ticketed-delivery-*.json")
    again = wsproof("replay", str(finding), cwd=project)
    assert again.code == 1, (result, again)
    assert leaks(again, tmp_path) == []

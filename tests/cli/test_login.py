"""Tests of endpoints with a login: the login message is not stored, and must be given again for a replay."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.shell import wsproof
from tests.faulty.applications import TOKEN
from tests.faulty.running import faulty_server


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


def test_a_finding_behind_a_login_is_stored_without_the_secret_and_replayed(out: Path) -> None:
    with faulty_server() as server:
        url = server.with_fault("fragments-1011", "login").endpoint.url
        checked = wsproof("check", url, "--login", TOKEN, "--only", "fragments-joined", "--out", str(out))
        assert checked.code == 1, checked.err
        assert "fragments-joined" in checked.out
        files = [path for path in out.rglob("*") if path.is_file()]
        assert files
        for path in files:
            assert TOKEN.encode() not in path.read_bytes(), path
        assert TOKEN not in checked.out + checked.err
        (finding,) = out.rglob("fragments-joined*.json")
        forgotten = wsproof("replay", str(finding))
        assert forgotten.code == 2
        assert "--login" in forgotten.err
        again = wsproof("replay", str(finding), "--login", TOKEN)
        assert again.code == 1, again.err
        assert "It happens again" in again.out


def test_without_a_login_one_sentence_gives_advice(out: Path) -> None:
    with faulty_server() as server:
        url = server.with_fault("", "login").endpoint.url
        checked = wsproof("check", url, "--only", "fragments-joined", "--only", "mask-required", "--out", str(out))
    assert checked.code == 0, checked.err
    assert "takes only some messages" in checked.out
    assert "--login" in checked.out
    assert "not checked" in checked.out

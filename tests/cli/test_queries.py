"""Tests that the query comes from the user or the workload, never from both, in all commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.apps.signed_in import KEY
from tests.cli.shell import only_run, wsproof
from tests.forked import ROOT
from tests.slow import slow_except
from wsproof.comparison.blocks import Load, run_block
from wsproof.comparison.order import Block, Side
from wsproof.model.plan import Plan
from wsproof.target.server import serve
from wsproof.target.target import Target, parse_target

APP = "tests.cli.apps.signed_in:app"
CHANNELS = "tests.cli.apps.signed_in_channels"
SHORT = ("--subscribers", "3", "--duration", "0.5", "--warmup", "0.1", "--rate", "10")
USERS = """\
from wsproof.locust import ChannelUser
class RoomUser(ChannelUser):
    workload_name = "room"
class LobbyUser(ChannelUser):
    workload_name = "lobby"
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Yield the server's URL without a path. Its query is the lobby's key."""
    with serve(parse_target(APP, path="/")) as server:
        yield f"{server.endpoint.at('/').url.rstrip('/')}?key={KEY}"


@pytest.mark.parametrize("target", slow_except(["url", "app"], "app"))
def test_each_member_of_a_check_uses_its_own_credentials(target: str, url: str, tmp_path: Path) -> None:
    target_arguments = (url,) if target == "url" else (APP, "--path", f"/lobby?key={KEY}")
    words = ("check", *target_arguments, "--channels", CHANNELS, "--out", str(tmp_path))
    result = wsproof(
        *words, "--only", "room.delivery", "--only", "lobby.delivery", "--only", "5.5.2", "--examples", "2"
    )
    assert result.code == 0, result
    rows = {row["check"]: row["verdict"] for row in only_run(tmp_path)["check"]["checks_run"]}
    assert rows["room.delivery"] == rows["lobby.delivery"] == "valid"


def test_a_url_without_a_path_checks_the_wire_at_a_path_of_the_channels(url: str, tmp_path: Path) -> None:
    result = wsproof("check", url, "--channels", CHANNELS, "--only", "5.5.2", "--examples", "2", "--out", str(tmp_path))
    assert result.code == 0, result
    target = only_run(tmp_path)["target"]
    assert target["path"].startswith("/room?token=")
    assert target["path_from_channels"] is True


@pytest.mark.parametrize("workload", ["room", "lobby"])
def test_each_subscriber_of_a_bench_uses_its_own_credentials(workload: str, url: str, tmp_path: Path) -> None:
    words = ("bench", url, "--channels", CHANNELS, "--workload", workload, *SHORT, "--slo", "lost == 0")
    result = wsproof(*words, "--out", str(tmp_path))
    assert result.code in (0, 3), result
    record = only_run(tmp_path)
    assert record["verdict"] == "valid", result
    assert record["metrics"]["reach"]["mean"] == 1.0


@pytest.mark.parametrize("by", slow_except(["host", "wsproof load"], "host"))
def test_each_locust_user_uses_its_own_credentials(by: str, url: str, tmp_path: Path) -> None:
    summary = load(url, tmp_path) if by == "wsproof load" else locust(url, tmp_path)
    assert summary["verdict"] == "valid", summary
    assert {room["workload"] for room in summary["rooms"]} == {"room", "lobby"}


def load(url: str, folder: Path) -> dict[str, Any]:
    words = ("load", url, "--channels", CHANNELS, "--headless", "--users", "4", "--duration", "2")
    result = wsproof(*words, "--out", str(folder))
    assert result.code in (0, 3), result
    summary: dict[str, Any] = only_run(folder)["load"]
    return summary


def locust(url: str, folder: Path) -> dict[str, Any]:
    from tests.scenarios.locusts import run

    (folder / "signed_in_users.py").write_text(USERS, encoding="utf-8")
    env = {"PYTHONPATH": f"{ROOT}:{ROOT / 'harness'}"}
    ended = run(folder, "--ws-channels", CHANNELS, host=url, users=4, files=str(folder / "signed_in_users.py"), env=env)
    assert ended.summary is not None, ended.output
    return ended.summary


@pytest.mark.parametrize("workload", ["room", "lobby"])
def test_each_subscriber_of_a_comparison_uses_its_own_credentials(workload: str) -> None:
    target: Target = parse_target(APP, path=f"/lobby?key={KEY}", cwd=ROOT)
    plan = Plan(workload, subscribers=3, publishers=1, rate_hz=10.0, duration_s=0.5, warmup_s=0.1, payload_bytes=120)
    block = Block(Side.BASE, 0)
    result = run_block(0, block, target, Load(plan, CHANNELS))
    assert [finding.check for finding in result.findings] == []
    assert json.loads(json.dumps(result.to_json()))["metrics"]["reach"]["mean"] == 1.0

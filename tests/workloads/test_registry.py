"""Tests that `--channels` and `--set` yield workloads, or an error with advice."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsproof import UsageError
from wsproof.workloads import load_channels
from wsproof.workloads.dashboard import Dashboard


def test_the_tutorial_has_three_channels() -> None:
    workloads = load_channels("tutorial")
    assert {name: workload.path(0) for name, workload in workloads.items()} == {
        "echo": "/ws",
        "chat": "/ws/1",
        "dashboard": "/dashboard-feed",
    }


def test_a_setting_reaches_its_channel_and_the_started_server() -> None:
    dashboard = load_channels("tutorial", {"dashboard.period": "0.1"})["dashboard"]
    assert dashboard.contract.feed is not None
    assert dashboard.contract.feed.period_s == 0.1
    assert dashboard.server_environment() == {"TARGET_APP_DASHBOARD_PERIOD": "0.1"}
    assert Dashboard().server_environment() == {}


@pytest.mark.parametrize("period", ["0", "-1", "soon", "nan", "inf", ""])
def test_an_invalid_period_is_refused(period: str) -> None:
    with pytest.raises(UsageError, match=r"dashboard\.period"):
        load_channels("tutorial", {"dashboard.period": period})


@pytest.mark.parametrize("key", ["dashboard.perod", "period", "nobody.period", "echo.period"])
def test_an_unknown_setting_is_refused_with_the_existing_ones(key: str) -> None:
    with pytest.raises(UsageError, match=r"dashboard\.period"):
        load_channels("tutorial", {key: "1"})


def test_unknown_channels_are_refused_with_the_existing_ones() -> None:
    with pytest.raises(UsageError, match="tutorial"):
        load_channels("tutorail")


def test_a_module_in_the_current_directory_provides_channels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_shop_channels.py").write_text(
        "from wsproof.workloads.chat import Chat\n"
        "class Shop(Chat):\n    name = 'shop'\n    title = 'Shop'\n"
        "WORKLOADS = [Shop]\n"
    )
    assert list(load_channels("my_shop_channels", {"shop.prefix": "a"})) == ["shop"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "no list WORKLOADS"),
        ("WORKLOADS = [3]", "subclasses of Workload"),
        ("1 / 0", "ZeroDivisionError"),
        ("import surely_not_there", "needs surely_not_there"),
        ("from wsproof.workloads.echo import Echo\nWORKLOADS = [Echo, Echo]", "same name"),
    ],
)
def test_a_module_without_channels_is_refused_with_the_reason(
    source: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = f"channels_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(source)
    with pytest.raises(UsageError, match=words):
        load_channels(name)

"""Test of `locust -f scenarios` on the reference server: it passes, and says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.locusts import LATENCY, Ended, run_until


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    folder = tmp_path_factory.mktemp("reference")
    words = ("--csv", str(folder / "stats"), "--reset-stats", "--ws-set", "dashboard.period=0.25")
    rows = f"{LATENCY},echo: latency from intended time,dashboard: spread of a tick"
    return run_until(folder, rows, *words, users=9, count=5).end()


def test_without_a_host_the_reference_server_is_started_and_found_valid(ended: Ended) -> None:
    assert ended.code == ended.code_if_valid, ended.output
    assert ended.summary is not None
    assert ended.summary["verdict"] == "valid"
    assert ended.summary["failures"] == 0
    assert set(ended.rooms) == {"chat", "dashboard", "echo"}


def test_every_user_received_every_message(ended: Ended) -> None:
    for name in ("chat", "echo"):
        reach = ended.rooms[name]["metrics"]["reach"]
        assert reach["n"] > 0
        assert reach["p50"] == reach["min"] == 1.0
        assert ended.findings_of(name) == []


def test_the_users_of_a_class_share_one_room(ended: Ended) -> None:
    assert {name: room["users"] for name, room in ended.rooms.items()} == {"chat": 3, "dashboard": 3, "echo": 3}


def test_locust_shows_the_named_metrics(ended: Ended) -> None:
    for name in ("chat: latency from intended time", "chat: time to last", "dashboard: spread of a tick"):
        assert name in ended.output


def test_each_delivery_is_counted_once_in_locusts_tables(ended: Ended) -> None:
    chat = ended.rooms["chat"]
    lines = [line for line in ended.output.splitlines() if "chat: latency from intended time" in line]
    assert int(lines[0].split("time")[1].split()[0]) == chat["metrics"]["latency"]["n"]


def test_nothing_is_left_running(ended: Ended) -> None:
    from wsproof import TargetError
    from wsproof.net.connect import connect_socket
    from wsproof.net.endpoint import parse_url

    url = ended.output.split("the target is at ")[1].split()[0]
    with pytest.raises(TargetError):
        connect_socket(parse_url(url), 5.0)


def test_the_shipped_locustfile_has_one_class_for_each_workload_of_a_users_module(tmp_path: Path) -> None:
    import wsproof

    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "ways.py").write_text(
        "from wsproof.workloads.chat import Chat\n\n\nclass Lobby(Chat):\n    name = 'lobby'\n\n\nWORKLOADS = [Lobby]\n"
    )
    (package / "asgi.py").write_text((Path(__file__).parent / "planted.py").read_text())
    assert wsproof.__file__ is not None
    shipped = Path(wsproof.__file__).parent / "locust" / "locustfile.py"
    ended = run_until(
        tmp_path,
        "lobby: latency from intended time",
        *("LobbyUser", "--ws-channels", "shop.ways"),
        host="shop.asgi:correct",
        files=str(shipped),
        cwd=tmp_path,
    ).end()
    assert ended.code == ended.code_if_valid, ended.output
    assert ended.rooms["lobby"]["verdict"] == "valid"

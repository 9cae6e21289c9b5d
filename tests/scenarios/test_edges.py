"""Tests of unusual actions on a running Locust, and of mistyped options."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import httpx
import pytest

from tests.scenarios.locusts import LATENCY, Ended, Locust, run, run_together, run_until, wait_for
from tests.slow import slow_except
from tests.target_app.free_port import free_port
from tests.target_app.server import LOCALLY
from wsproof.target.server import serve
from wsproof.target.target import parse_target

HOSTS = {
    "ws://127.0.0.1:{free}": "Connection refused",
    "ws://192.0.2.1:80": "--remote",
    "no.such.module:app": "no.such",
    "cmd:./server": "needs --ws-ready URL",
}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    def start(host: str) -> Locust:
        return Locust(tmp_path_factory.mktemp("refused"), "ChatUser", host=host.format(free=free_port()))

    return run_together(start, HOSTS)


@pytest.mark.parametrize(("host", "expected"), HOSTS.items())
def test_an_unusable_host_is_one_line_and_exit_code_2(refused: dict[str, Ended], host: str, expected: str) -> None:
    ended = refused[host]
    assert ended.code == 2, ended.output
    assert ended.summary is None
    assert "Traceback" not in ended.output
    assert expected in ended.output.partition("wsproof: ")[2]


def test_users_of_a_missing_workload_are_refused_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "locustfile.py").write_text(
        "from wsproof.locust import ChannelUser\n\n\nclass Typo(ChannelUser):\n    workload_name = 'chatt'\n"
    )
    ended = run(tmp_path, files=str(tmp_path / "locustfile.py"))
    assert ended.code == 2, ended.output
    assert "Typo speaks the workload 'chatt', but these channels have echo, chat, dashboard" in ended.output


def test_a_test_stopped_in_the_ramp_has_no_finding_and_is_no_success(tmp_path: Path) -> None:
    ended = run_until(tmp_path, "chat: connect", host="target_app.main:app", users=200, spawn_rate=1, count=2).end()
    assert ended.code == 3, ended.output
    assert "The test ended before all 200 users had joined" in ended.output
    assert ended.summary is not None
    assert ended.summary["findings"] == []
    assert 0 < sum(room["users"] for room in ended.summary["rooms"]) < 200


def test_a_saturated_generator_is_no_success_and_no_fault_of_the_server(tmp_path: Path) -> None:
    host, files = "tests.scenarios.planted:correct", "tests/scenarios/saturated.py"
    ended = run_until(tmp_path, LATENCY, host=host, users=5, files=files, count=100).end()
    assert ended.code == 3, ended.output
    assert ended.rooms["chat"]["verdict"] in ("valid", "unknown")
    assert "void figures (schedule-slip)" in ended.output
    assert [finding for finding in ended.findings_of("chat") if finding["level"] == "violation"] == []


@pytest.mark.parametrize("number", slow_except([signal.SIGTERM, signal.SIGINT], signal.SIGTERM))
def test_after_a_signal_the_summary_is_printed_and_the_server_ends(tmp_path: Path, number: signal.Signals) -> None:
    locust = Locust(tmp_path, "ChatUser", seconds=60, users=3)
    try:
        wait_for(lambda: "All users spawned" in locust.output(), "all users are there", locust)
        server = address(locust.output())
        wait_for(lambda: received(server) > 20, "some publications; without any, the verdict is unknown", locust)
        locust.process.send_signal(number)
        ended = locust.end()
    finally:
        locust.kill()
    assert ended.code == ended.code_if_valid, ended.output
    assert ended.rooms["chat"]["verdict"] == "valid"
    assert "Traceback" not in ended.output
    with pytest.raises(httpx.ConnectError):
        httpx.get(address(ended.output), **LOCALLY)


def address(output: str) -> str:
    """Return the URL of the server that Locust has started."""
    return "http" + re.search(r"target is at ws(://127\.0\.0\.1:\d+)", output)[1]  # type: ignore[index]


def received(server: str) -> float:
    """Return the number of messages that the reference server at this URL has received."""
    metrics = httpx.get(f"{server}/metrics", **LOCALLY).text
    return sum(map(float, re.findall(r"^target_app_received_total\S* (\S+)", metrics, re.MULTILINE)))


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    def start(server: str) -> Locust:
        folder = tmp_path_factory.mktemp(server)
        port = str(free_port())
        words = ("ChatUser", "--processes", "2", "--master-bind-port", port, "--master-port", port)
        host, files = f"tests.scenarios.planted:{server}", "tests/scenarios/patient.py"
        return run_until(folder, LATENCY, *words, host=host, users=4, files=files, count=80)

    return run_together(start, ("correct", "separates", "mixes"))


@pytest.mark.slow
def test_users_of_two_processes_are_judged_together(two_processes: dict[str, Ended]) -> None:
    ended = two_processes["correct"]
    assert ended.code == ended.code_if_valid, ended.output
    assert ended.summary is not None
    assert [(room["users"], room["verdict"]) for room in ended.summary["rooms"]] == [(4, "valid")]
    assert ended.rooms["chat"]["metrics"]["reach"]["min"] == 1.0


@pytest.mark.slow
def test_a_message_that_is_lost_between_two_processes_is_found(two_processes: dict[str, Ended]) -> None:
    ended = two_processes["separates"]
    assert ended.code == 1, ended.output
    assert ended.was_frozen or {finding["anomaly"] for finding in ended.findings_of("chat")} == {"lost"}


@pytest.mark.slow
def test_another_order_between_two_processes_ends_the_test_while_it_runs(two_processes: dict[str, Ended]) -> None:
    ended = two_processes["mixes"]
    assert ended.code == 1, ended.output
    anomalies = {finding["anomaly"] for finding in ended.findings_of("chat")}
    assert anomalies in ({"reordered"}, {"reordered", "lost"})  # what the server still delays at the end is lost
    assert "chat: reordered" in ended.output.partition("Shutting down")[2]


@pytest.mark.slow
def test_two_runs_in_one_room_of_one_server_report_no_finding(tmp_path: Path) -> None:
    with serve(parse_target("target_app.main:app")) as server:
        host = server.endpoint.at("/").url
        at = host.replace("ws", "http", 1).rstrip("/")

        def start(name: str) -> Locust:
            (tmp_path / name).mkdir()
            return Locust(tmp_path / name, "ChatUser", host=host, users=3, seconds=600)

        def end(locust: Locust) -> Ended:
            wait_for(lambda: "All users spawned" in locust.output(), "all users are there", locust)
            enough = received(at) + 60
            wait_for(lambda: received(at) > enough, "publications of both runs", locust)
            locust.process.terminate()
            return locust.end()

        ended = list(run_together(start, ("one", "other"), end).values())
    assert [each.code for each in ended] == [each.code_if_valid for each in ended], [each.output for each in ended]
    assert [each.rooms["chat"]["verdict"] for each in ended] == ["valid", "valid"]


CRASHES = {
    "no-verdict": "import wsproof.locust.measured_run as run\nrun.judge_measurement = None\n",
    "wsproof crashed": "from wsproof.workloads.chat import Chat\nChat.read = None\n",
}


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    def start(where: str) -> Locust:
        folder = tmp_path_factory.mktemp("crashed")
        file = folder / "locustfile.py"
        file.write_text(CRASHES[where] + "from scenarios.chat import ChatUser\n")
        correct, environment = "tests.scenarios.planted:correct", {"PYTHONPATH": "."}
        return run_until(folder, LATENCY, files=str(file), host=correct, users=2, env=environment)

    return run_together(start, CRASHES)


@pytest.mark.parametrize("where", CRASHES)
def test_a_crash_of_wsproof_is_never_a_success(crashed: dict[str, Ended], where: str) -> None:
    ended = crashed[where]
    assert ended.code == 1, ended.output
    assert ended.summary is not None
    assert ended.summary["verdict"] == "unknown"
    assert f"chat: {where}" in ended.output.partition("Error report")[2]

"""Tests of bad input: one clear message, the documented exit code, and no traceback."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.cli.shell import CommandResult, wsproof


def assert_refused(result: CommandResult, *words: str) -> None:
    assert result.code == 2, result
    assert "Traceback" not in result.err.replace("Its last lines", "")[:200]
    for word in words:
        assert word in result.err


@pytest.fixture
def plain_folder(tmp_path: Path) -> Path:
    """Return a folder that is not a checkout of wsproof."""
    (tmp_path / "raises.py").write_text('raise RuntimeError("the database is not configured")\n', encoding="utf-8")
    return tmp_path


def test_outside_a_checkout_a_missing_target_is_reported(plain_folder: Path) -> None:
    assert_refused(wsproof("check", cwd=plain_folder), "no TARGET was given", "pkg.module:app")


def test_a_missing_target_is_reported(plain_folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening, so no other process can use it
        url = f"ws://127.0.0.1:{taken.getsockname()[1]}/ws"
        assert_refused(wsproof("check", url, cwd=plain_folder), url, "Is it running")


def test_an_app_that_raises_at_import_is_reported_with_the_end_of_its_output(plain_folder: Path) -> None:
    result = wsproof("bench", "raises:app", "--channels", "tutorial", cwd=plain_folder)
    assert_refused(result, "the database is not configured", "Try it by hand")
    assert not (plain_folder / ".wsproof").exists(), "the command has no result, so it keeps no record"


def test_a_missing_app_is_reported_with_its_module(plain_folder: Path) -> None:
    assert_refused(wsproof("check", "nothere:app", cwd=plain_folder), "nothere")


def test_a_port_in_use_is_reported(plain_folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert_refused(wsproof("serve", "--port", str(port)), str(port), "in use")


def test_an_unknown_workload_is_reported_with_the_existing_ones() -> None:
    assert_refused(wsproof("bench", "--workload", "chatt"), "chatt", "echo, chat, dashboard")


def test_unknown_faulty_clients_are_reported_with_the_existing_ones() -> None:
    assert_refused(wsproof("bench", "--faults", "sleepy=5"), "--faults", "expected one of stalled", "sleepy")


def test_unknown_channels_and_settings_are_reported_with_the_existing_ones() -> None:
    assert_refused(wsproof("check", "--channels", "tutorals"), "tutorals", "tutorial")
    assert_refused(wsproof("check", "--set", "dashboard.perod=1"), "dashboard.perod", "dashboard.period")
    assert_refused(wsproof("check", "--set", "dashboard"), "KEY=VALUE")


def test_a_git_ref_that_does_not_exist_leaves_nothing_behind(tmp_path: Path) -> None:
    assert_refused(wsproof("compare", "HEAD", "no-such-branch", "--out", str(tmp_path / "out")), "no-such-branch")
    assert not (tmp_path / "out").exists()


def test_a_remote_target_needs_the_option_remote() -> None:
    assert_refused(wsproof("check", "ws://example.com/ws"), "--remote")


def test_an_unknown_server_is_reported_with_the_existing_ones() -> None:
    assert_refused(wsproof("check", "--server", "gunicorn"), "gunicorn", "hypercorn")


def test_an_objective_that_cannot_be_read_is_refused_before_anything_is_measured() -> None:
    assert_refused(wsproof("bench", "--slo", "p99(latncy) < 100ms"), "did you mean latency")


def test_an_app_without_channels_cannot_be_measured_and_says_what_to_add(plain_folder: Path) -> None:
    assert_refused(wsproof("bench", "raises:app", cwd=plain_folder), "--channels")


def test_an_unknown_check_is_reported() -> None:
    assert_refused(wsproof("check", "--only", "99.9"), "99.9", "wsproof list checks")


def test_a_file_without_a_finding_is_refused(tmp_path: Path) -> None:
    assert_refused(wsproof("replay", str(tmp_path / "absent.json")), "absent.json")
    broken = tmp_path / "broken.json"
    broken.write_text("{}", encoding="utf-8")
    assert_refused(wsproof("replay", str(broken)), "not a finding")


def test_an_unknown_run_is_reported(tmp_path: Path) -> None:
    assert_refused(wsproof("report", "nosuch", "--out", str(tmp_path)), "nosuch", "wsproof run")


@pytest.mark.parametrize("option", ["--json", "--junit"])
def test_an_unwritable_result_is_reported_before_the_work(option: str, tmp_path: Path) -> None:
    result = wsproof("check", option, str(tmp_path / "absent" / "result"), "--out", str(tmp_path / "out"))
    assert_refused(result, option, "absent")
    assert not (tmp_path / "out").exists()
    assert_refused(wsproof("check", option, str(tmp_path), "--out", str(tmp_path / "out")), option, "is a folder")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--publishers", "30", "--subscribers", "10"), ("among the subscribers", "1 to 10")),
        (("--in-flight", "4"), ("--closed",)),
    ],
)
def test_an_impossible_load_is_refused_before_anything_runs(
    options: tuple[str, ...], words: tuple[str, ...], tmp_path: Path
) -> None:
    assert_refused(wsproof("bench", *options, "--out", str(tmp_path / "out")), *words)
    assert not (tmp_path / "out").exists()


TYPO = ("tests.cli.apps.guarded:app", "--token", "open-sesame", "--channels", "tests.cli.apps.raising_channels")


@pytest.mark.parametrize(
    "words",
    [
        ("check", *TYPO, "--only", "typo"),
        ("bench", *TYPO, "--subscribers", "2", "--duration", "1", "--warmup", "0.1"),
        pytest.param(("load", *TYPO, "--headless", "--users", "2", "--duration", "3"), marks=pytest.mark.slow),
    ],
    ids=["check", "bench", "load"],
)
def test_a_method_of_a_workload_that_raises_is_the_users_mistake(words: tuple[str, ...], tmp_path: Path) -> None:
    result = wsproof(*words, "--out", str(tmp_path))
    assert_refused(result, "raising_channels.py:13: Typo.read raised KeyError: 'mesage'", "MessageKind.UNEXPECTED")
    assert "bug of ours" not in result.err + result.out
    assert not list(tmp_path.glob("runs/2*")), "a failed command leaves no record"


def test_an_unknown_part_of_only_is_reported_before_anything_starts(tmp_path: Path) -> None:
    result = wsproof("check", "--only", "5.5", "--only", "echo.delivry", "--out", str(tmp_path))
    assert_refused(result, "--only echo.delivry names no check", "did you mean echo.delivery?")
    assert_refused(wsproof("run", "--only", "99.9", "--out", str(tmp_path)), "99.9", "wsproof list checks")
    assert not list(tmp_path.iterdir())

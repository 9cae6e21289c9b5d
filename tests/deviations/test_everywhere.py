"""Tests that a known deviation has the same effect in each command, in pytest and in Locust."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import environment
from tests.comparison.repositories import git
from tests.forked import ROOT
from tests.slow import slow_except
from wsproof import Finding
from wsproof.cli import main

APP = '''
members = {}


async def app(scope, receive, send):
    """A tutorial's echo and chat, with a Content-Length in each 101."""
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept", "headers": [(b"content-length", b"0")]})
    name = scope["path"].removeprefix("/ws").removeprefix("/")
    if name:
        members[name] = send
    try:
        while (event := await receive())["type"] == "websocket.receive":
            text = event.get("text")
            if text is None:
                await send({"type": "websocket.close", "code": 1003})
                return
            if not name:
                await send({"type": "websocket.send", "text": f"Message received: {text}"})
                continue
            await send({"type": "websocket.send", "text": f"You: {text}"})
            await tell(f"Client #{name} says: {text}")
    finally:
        if members.pop(name, None):
            await tell(f"Client #{name} left the chat")


async def tell(text):
    for send in list(members.values()):
        try:
            await send({"type": "websocket.send", "text": text})
        except Exception:
            pass
'''
SPOKEN = """
from wsproof.workloads.chat import Chat
from wsproof.workloads.echo import Echo

WORKLOADS = [Echo, Chat]
"""
KNOWN = """
[[deviation]]
check = "server-body-in-101"
section = "RFC 9110 8.6"
matches = ["Content-Length: '0'"]
reason = "our gateway adds it to every answer"
"""
FILE = ("--known-deviations", "known.toml")
SPEAKS = ("--channels", "spoken")
WORKLOAD = ("--workload", "chat")
SMALL = ("--subscribers", "3", "--rate", "10", "--duration", "1s", "--warmup", "0.2s", "--processes", "1", "--no-pin")
OPENING = ("--only", "opening-accepted", "--examples", "2", "--budget", "none")
VERBS = {
    "check": ("check", "shop:app", "--path", "/ws/7", *OPENING),
    "check --server": ("check", "shop:app", "--path", "/ws/7", *OPENING, "--server", "uvicorn-wsproto,uvicorn"),
    "bench": ("bench", "shop:app", *SPEAKS, *WORKLOAD, *SMALL),
    "bench of a mix": ("bench", "shop:app", *SPEAKS, "--workload", "chat:1,echo:1", *SMALL),
    "load": ("load", "shop:app", *SPEAKS, "--headless", "--users", "3", "--duration", "2s", "--scenario", "ChatUser"),
    "run": ("run", "shop:app", "--path", "/ws/7", *SPEAKS, *WORKLOAD, *OPENING, "--users", "3", *SMALL),
}


@pytest.fixture
def shop_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to a repository with the app and the file of its known deviations."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "shop.py").write_text(APP)
    (folder / "spoken.py").write_text(SPOKEN)
    (folder / "known.toml").write_text(KNOWN)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "the shop")
    monkeypatch.chdir(folder)
    monkeypatch.setattr("wsproof.session.run.LOAD_SECONDS", 2.0)
    return folder


def findings_in(document: Any) -> Iterable[Finding]:
    """Yield each finding of the deviation, at any place in a document."""
    if isinstance(document, dict):
        if document.get("check") == "server-body-in-101" and "explanation" in document:
            yield Finding.from_json(document)
        for value in document.values():
            yield from findings_in(value)
    elif isinstance(document, list):
        for value in document:
            yield from findings_in(value)


@pytest.mark.parametrize("verb", slow_except(VERBS, "check", "bench", "bench of a mix"))
def test_a_known_deviation_fails_no_command_and_is_shown_with_its_reason(shop_repository: Path, verb: str) -> None:
    may_be_void = (0, 3) if verb in ("load", "run") else (0,)  # On a busy machine every median of a load is void.
    assert main([*VERBS[verb], *FILE, "--json", "result.json"]) in may_be_void
    document = json.loads((shop_repository / "result.json").read_text(encoding="utf-8"))
    assert verb != "load" or document["verdict"] == "valid"
    findings = list(findings_in(document))
    assert {finding.accepted for finding in findings} == {"our gateway adds it to every answer"}


@pytest.mark.slow
def test_a_known_deviation_fails_no_comparison(shop_repository: Path) -> None:
    command = (
        "compare",
        "HEAD",
        "HEAD",
        "shop:app",
        *SPEAKS,
        *WORKLOAD,
        "--apart",
        "--pairs",
        "1",
        "--publishers",
        "1",
        *SMALL,
    )
    assert main([*command, *FILE, "--json", "result.json"]) in (0, 3)  # One pair is too few for a verdict on figures.
    (blocks,) = shop_repository.glob(".wsproof/comparisons/*/blocks.jsonl")
    findings = list(findings_in([json.loads(line) for line in blocks.read_text(encoding="utf-8").splitlines()]))
    assert {finding.accepted for finding in findings} == {"our gateway adds it to every answer"}


@pytest.mark.slow
def test_a_known_deviation_misses_no_capacity_level(shop_repository: Path) -> None:
    command = (
        "capacity",
        "shop:app",
        *SPEAKS,
        *WORKLOAD,
        "--slo",
        "violations == 0",
        "--from",
        "3",
        "--to",
        "3",
        *SMALL,
    )
    main([*command, *FILE, "--json", "result.json"])
    document = json.loads((shop_repository / "result.json").read_text(encoding="utf-8"))
    rows = document["capacity"]["runs"]
    assert [row["values"] for row in rows] == [[0.0]] * len(rows)
    assert not any("server-body-in-101" in row["why"] for row in rows)


@pytest.mark.usefixtures("shop_repository")
def test_without_the_file_the_deviation_fails() -> None:
    assert main([*VERBS["check"]]) == 1


LOCUSTFILE = str(ROOT / "harness" / "wsproof" / "locust" / "locustfile.py")
FANOUT = "def test_broadcast(ws_fanout):\n    ws_fanout(3, rounds=5, warmup_rounds=1)\n"
FEW = ("--ws-examples", "1", "--ws-budget", "none")
SUITES = {
    "rfc6455": ("--pyargs", "wsproof.conformance", "-k", "opening-accepted", "--ws-path", "/ws/7", *FEW),
    "channels": (
        "--pyargs",
        "wsproof.delivery",
        "-k",
        "promise[delivery]",
        "--ws-channels",
        "spoken",
        *FEW,
    ),
    "fan-out": ("test_fanout_here.py", "--benchmark-only", "--ws-channels", "spoken"),
}


@pytest.mark.parametrize("suite", slow_except(SUITES, "rfc6455"))
def test_a_known_deviation_fails_no_pytest_test(shop_repository: Path, suite: str) -> None:
    (shop_repository / "test_fanout_here.py").write_text(FANOUT)
    target = ("--ws-target", "shop:app", "--ws-known-deviations", "known.toml")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SUITES[suite], *target]
    finished = subprocess.run(
        command, cwd=shop_repository, env=environment(), capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stdout


@pytest.mark.parametrize("known", slow_except([False, True], True))
def test_a_known_deviation_fails_no_locust_run(shop_repository: Path, known: bool) -> None:
    command = [sys.executable, "-m", "locust", "-f", LOCUSTFILE, "--host", "shop:app", "--headless"]
    command += ["--users", "3", "--spawn-rate", "3", "--run-time", "2s", "ChatUser"]
    command += FILE if known else ()
    finished = subprocess.run(
        command, cwd=shop_repository, env=environment(), capture_output=True, text=True, check=False
    )
    # The exit code is 3 on a busy machine, where all medians are void.
    assert finished.returncode in ((0, 3) if known else (1,)), finished.stderr
    assert ("chat: 3 users" in finished.stderr and ", valid" in finished.stderr) is known, finished.stderr
    assert ("server-body-in-101" in finished.stdout + finished.stderr) is not known

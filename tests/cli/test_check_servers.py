"""Tests of `wsproof check --server all`: all available servers, one table, the worst exit code."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from tests.forked import ROOT
from wsproof import CheckOptions
from wsproof.cli import main
from wsproof.conformance.rules import rule
from wsproof.model.server_table import ServerRunState, ServerTableRow
from wsproof.report.formats.json_documents import load_schema
from wsproof.session import check_servers, servers
from wsproof.session.servers import ServerRun
from wsproof.target.introspect import interpreter
from wsproof.target.servers import SERVERS

ONLY = ("--only", "utf8-valid", "--examples", "1")
EVERY = [name for name, server in SERVERS.items() if name != "uvicorn" and server.only_for is None]
SHOP = """
import sys

async def app(scope, receive, send):
    while scope["type"] == "websocket" and (event := await receive())["type"] != "websocket.disconnect":
        if event["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
            continue
        text = event.get("text")
        if text and "granian" in sys.modules:
            text = text.replace("\\r\\n", "\\n")
        reply = {"text": "You: " + text} if text is not None else {"bytes": event["bytes"]}
        await send({"type": "websocket.send", **reply})
"""
KNOWN = f"""
[[deviation]]
check = "utf8-valid"
section = "{rule("utf8-valid").section}"
reason = "under granian this shop has lines of its own"
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to a folder with a small app and a file of its known deviations under granian."""
    package = tmp_path / "shop"
    (package / "accepted").mkdir(parents=True)
    (package / "__init__.py").write_text(SHOP)
    (package / "accepted" / "granian.toml").write_text(KNOWN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_all_servers_are_checked_one_after_the_other(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copies = {name: shop / f"matrix.{name}" for name in ("json", "junit", "markdown")}
    words = [word for name, path in copies.items() for word in (f"--{name}", str(path))]
    assert main(["check", "shop:app", "--server", "all", *ONLY, *words]) == 0
    document = json.loads(copies["json"].read_text(encoding="utf-8"))
    jsonschema.validate(document, load_schema("wsproof.matrix/1"))
    assert [row["server"] for row in document["servers"]] == EVERY
    assert {row["verdict"] for row in document["servers"]} == {"valid"}
    assert {row["check"]["target"]["server"] for row in document["servers"]} == set(EVERY)
    kept = {folder.name for folder in (shop / ".wsproof" / "runs").iterdir()}
    assert kept == {row["run"] for row in document["servers"]}
    accepted = {row["server"]: row["chapters"]["UTF-8"]["accepted"] for row in document["servers"]}
    assert accepted == dict.fromkeys(EVERY, 0) | {"granian": 1}  # each server has its own file of known deviations
    suites = ElementTree.parse(copies["junit"]).getroot()
    assert [suite.get("name") for suite in suites] == [f"wsproof check {name}" for name in EVERY]
    assert "| granian | ✓ | a1 |" in copies["markdown"].read_text(encoding="utf-8")
    assert f"{len(EVERY)} servers: {len(EVERY)} valid" in capsys.readouterr().out


def test_a_server_that_is_named_and_breaks_a_rule_decides_the_exit_code(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop / "shop" / "accepted" / "granian.toml").unlink()
    assert main(["check", "shop:app", "--server", "uvicorn-wsproto,granian", *ONLY]) == 1
    output = capsys.readouterr().out
    assert "utf8-valid: granian" in output
    assert "2 servers: 1 invalid, 1 valid" in output


def test_a_server_that_is_not_installed_is_reported_and_does_not_fail_the_check(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def only_wsproto(python: str) -> object:
        return replace(interpreter(python), versions={"uvicorn": "1", "wsproto": "1"})

    monkeypatch.setattr(servers, "interpreter", only_wsproto)
    words = ["check", "shop:app", *ONLY]
    assert main([*words, "--server", "all"]) == 0
    output = capsys.readouterr().out
    assert "not installed: pip install daphne" in output
    assert f"1 valid, {len(EVERY) - 1} not installed" in output
    # A server that is named on the command line is required.
    assert main([*words, "--server", "daphne,uvicorn-wsproto"]) == 2
    assert "pip install daphne" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ws://127.0.0.1:1/", "--server", "all"], "--server chooses the server that runs an app"),
        (["cmd:true", "--ready", "ws://127.0.0.1:1/", "--server", "all"], "this target is not an app"),
        (["--server", "uvicorn,apache"], "there is no server 'apache'"),
        (["shop.asgi:app", "--path", "/ws", "--server", "uvicorn-direct,daphne"], "cannot run shop.asgi:app"),
    ],
)
def test_options_that_do_not_fit_several_servers_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], expected: str
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["check", *words, "--out", str(tmp_path)]) == 2
    assert expected in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


LATE = """
import sys
async def app(scope, receive, send): ...
if {"uvicorn", "daphne"} & set(sys.modules):
    raise SystemExit("not under this one")
"""


def test_an_app_that_starts_on_no_server_has_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "late.py").write_text(LATE)
    monkeypatch.chdir(tmp_path)
    assert main(["check", "late:app", "--path", "/", "--server", "uvicorn-wsproto,daphne", *ONLY]) == 2
    output = capsys.readouterr().out
    assert "not under this one" in output
    assert "2 servers: 2 not started" in output


def test_an_interrupted_check_shows_its_partial_results(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def first_only(run: ServerRun[CheckOptions]) -> ServerTableRow:
        if run.server.name == "daphne":
            raise KeyboardInterrupt
        return ServerTableRow(run.server.name, run.server.title, ServerRunState.FAILED, "it did not start")

    monkeypatch.setattr(check_servers, "checked", first_only)
    assert main(["check", "shop:app", "--server", "granian,daphne", *ONLY]) == 130
    output = capsys.readouterr()
    assert "granian  it did not start" in output.out
    assert "daphne   the run was interrupted" in output.out
    assert "2 servers: 1 not started, 1 not run" in output.out
    assert "interrupted" in output.err

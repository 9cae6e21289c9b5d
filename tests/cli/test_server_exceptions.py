"""Tests that a finding includes the server's last exception and the way its process ended."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from wsproof.cli import main
from wsproof.machine.ports import PortState, free_port, probe_port
from wsproof.report.formats.json_documents import load_schema

SERVER = """
import os, sys, traceback
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

HOW, PORT = sys.argv[1], int(sys.argv[2])

def echo(connection):
    try:
        for message in connection:
            if len(message) == 0 and HOW == "abort":
                print("assertion failed: message.size > 0, password=hunter2", flush=True)
                os.abort()
            if len(message) == 0 and HOW == "raise":
                try:
                    raise KeyError("the first character")
                except KeyError:
                    traceback.print_exc()
                    message = "oops"
            connection.send(message)
    except ConnectionClosed:
        pass

with serve(echo, "127.0.0.1", PORT, compression=None) as server:
    server.serve_forever()
"""
ONLY = ("--only", "payload-lengths", "--examples", "1")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to a folder with the server in it."""
    (tmp_path / "server.py").write_text(SERVER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONFAULTHANDLER", "")
    return tmp_path


def checked(failure: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str, str, str]:
    """Return the first finding of a check, with its text in the terminal, in JUnit and on the page."""
    command = f"cmd:'{sys.executable}' server.py {failure} {{port}}"
    copies = ("--json", "check.json", "--junit", "junit.xml")
    env = ("--env", "DATABASE_PASSWORD=hunter2")
    assert main(["check", command, "--ready", "ws://127.0.0.1:{port}/", *ONLY, *copies, *env]) == 1
    document = json.loads((folder / "check.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, load_schema("wsproof.check/1"))
    (run,) = (folder / ".wsproof" / "runs").iterdir()
    page = (run / "page.html").read_text(encoding="utf-8")
    assert '<a href="server.log">' in page
    assert "hunter2" not in (run / "server.log").read_text(encoding="utf-8")
    junit = (folder / "junit.xml").read_text(encoding="utf-8")
    assert ElementTree.fromstring(junit) is not None
    return document["findings"][0], capsys.readouterr().out, junit, page


def test_a_finding_shows_the_last_exception_of_the_server(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finding, *outputs = checked("raise", folder, capsys)
    assert finding["check"] == "payload-lengths"
    assert finding["server_output"][0].endswith("Traceback (most recent call last):")
    assert finding["server_output"][-1] == "KeyError: 'the first character'"
    for output in outputs:
        assert "the first character" in output
    (run,) = (folder / ".wsproof" / "runs").iterdir()
    assert "the first character" in (run / "server.log").read_text(encoding="utf-8")


def test_the_end_of_the_server_process_is_the_first_finding(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finding, *outputs = checked("abort", folder, capsys)
    assert (finding["check"], finding["harm"], finding["reproduced"]) == ("process-ended", "process-died", "3 of 3")
    summary = "After this, the server's process ended with signal 6 (SIGABRT); its last line: assertion failed: message"
    assert finding["explanation"].startswith(summary)
    assert finding["server_output"][-1].startswith("assertion failed")
    for output in outputs:
        assert "assertion failed: message.size" in output
        assert "hunter2" not in output


@pytest.fixture
def port_of_other_process(folder: Path) -> Iterator[int]:
    """Yield the port of a server that wsproof did not start."""
    port = free_port("127.0.0.1")
    words = [sys.executable, "server.py", "abort", str(port)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=folder) as process:
        try:
            while probe_port("127.0.0.1", port) is PortState.NOTHING:
                assert process.poll() is None
            yield port
        finally:
            process.kill()


def test_a_url_target_that_ends_is_reported_as_refusing_connections(port_of_other_process: int, folder: Path) -> None:
    assert main(["check", f"ws://127.0.0.1:{port_of_other_process}/", *ONLY, "--json", "check.json"]) == 1
    (finding, *_) = json.loads((folder / "check.json").read_text(encoding="utf-8"))["findings"]
    assert finding["check"] == "process-ended"
    assert "onnections are refused from then on" in finding["explanation"]
    assert finding["server_output"] == []

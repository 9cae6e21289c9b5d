"""Tests that each entry of the real-server corpus has its program, its configuration file and pinned packages."""

from __future__ import annotations

import json
import re

import pytest

from benchmarks.real_servers.__main__ import cells
from benchmarks.real_servers.environments import HERE, PROGRAMS
from benchmarks.real_servers.judged import true_violations
from benchmarks.real_servers.running import filled
from benchmarks.real_servers.server import RealServer
from benchmarks.real_servers.table import SERVERS
from wsproof.conformance.rules import RULES

BY_NAME = {server.name: server for server in SERVERS}
ADDRESS = re.compile(r"\b\d+\.\d+\.\d+\.\d+\b")
each_server = pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)


def test_no_two_servers_of_the_corpus_have_one_name() -> None:
    assert len(BY_NAME) == len(SERVERS) >= 30


@each_server
def test_the_files_of_each_server_exist(server: RealServer) -> None:
    for word in server.command:
        if word.startswith("{programs}/"):
            assert (PROGRAMS / word.removeprefix("{programs}/")).is_file()
        if word.endswith(".mjs"):
            assert (PROGRAMS / "node" / word.removeprefix("{bin}/")).is_file()
    assert server.config is None or (PROGRAMS / "conf" / server.config).is_file()
    assert server.channels is None or (HERE / "channels" / f"{server.channels}.py").is_file()
    assert server.behind is None or server.behind in BY_NAME


@each_server
def test_its_packages_are_pinned(server: RealServer) -> None:
    """Check that Debian packages have the versions of the release."""
    if server.environment == "debian":
        return
    if server.environment == "npm":
        pinned = json.loads((HERE / "npm" / "package.json").read_text(encoding="utf-8"))["dependencies"]
        assert re.fullmatch(r"[0-9.]+", pinned[server.packages[0]])
        return
    lines = (HERE / "requirements" / f"{server.environment}.txt").read_text(encoding="utf-8").splitlines()
    assert any(line.startswith(f"{server.packages[0]}==") for line in lines)


def test_no_program_names_an_address_but_loopback() -> None:
    texts = [
        path.read_text(encoding="utf-8") for path in PROGRAMS.rglob("*") if path.suffix != ".pyc" and path.is_file()
    ]
    assert {address for text in texts for address in ADDRESS.findall(text)} == {"127.0.0.1"}


def test_only_placeholders_with_a_value_are_filled() -> None:
    assert filled("listen {port}; if {x} {}", {"port": "1"}) == "listen 1; if {x} {}"


def test_judged_violations_name_servers_of_the_corpus_and_existing_rules() -> None:
    judged = true_violations()
    assert set(judged) <= set(BY_NAME)
    channel_rule = re.compile(r"[\w.]+\.[\w-]+")
    named = {check for checks in judged.values() for check in checks if not channel_rule.fullmatch(check)}
    assert named <= {rule.id for rule in RULES}


def test_a_violation_without_a_judgement_is_listed_by_its_name() -> None:
    row = {
        "server": "x",
        "versions": ("1.0", "2.0"),
        "seconds": 12.3,
        "exit_code": 1,
        "crashed": False,
        "violations": ("http-1-1", "masks"),
        "checks": 7,
        "unknown": ("close-echoed",),
        "not_run": ("a: no time", "b: no time"),
    }
    expected = ["x", "1.0 / 2.0", "12", "1", "2", "`http-1-1`: why", "`masks`", "7", "1", "2"]
    assert cells(row, {"http-1-1": "why"}) == expected
    assert cells({**row, "crashed": True}, {})[3] == "crash"

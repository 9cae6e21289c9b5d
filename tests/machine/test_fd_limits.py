"""Tests of the limits of open files, for this process and for started servers."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from tests.target.test_server import ROOT, command_target
from wsproof import UsageError
from wsproof.machine.fd_limits import files_of_server, most_connections, require_files
from wsproof.target.server import serve

ALLOWED = """
import sys
from pathlib import Path
import psutil
from wsproof.target.server import serve
from wsproof.target.target import parse_target

target = parse_target("tests.target.apps.echo:app", path="/", cwd=Path(sys.argv[1]))

def tell(server):
    print(psutil.Process(server.pid).rlimit(psutil.RLIMIT_NOFILE)[0])

with serve(target) as server:
    tell(server)
with serve(target, connections=100) as server:
    tell(server)
    server.restart()
    tell(server)
"""
NEEDS_PRLIMIT = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells another process's limits")


@pytest.fixture
def low_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate a machine with a soft limit of 256 open files and a hard limit of 1,000."""
    monkeypatch.setattr("resource.getrlimit", lambda which: (256, 1000))


@pytest.mark.usefixtures("low_limits")
def test_more_connections_than_open_files_allow_is_a_usage_error_with_the_numbers() -> None:
    require_files(936)
    assert most_connections() == 936
    with pytest.raises(UsageError, match=r"2000 connections.*2064 open files.*hard limit here is 1000.*at most 936"):
        require_files(2000)


@pytest.mark.usefixtures("low_limits")
def test_a_server_gets_two_files_per_connection_within_the_hard_limit() -> None:
    assert [files_of_server(connections) for connections in (0, 100, 900)] == [0, 264, 1000]
    with pytest.raises(UsageError, match=r"hard limit of 1000 open files, and 937 connections need 1001.* at most 936"):
        files_of_server(937)


@pytest.mark.usefixtures("low_limits")
def test_too_many_connections_for_the_server_are_reported_before_it_starts() -> None:
    with pytest.raises(UsageError, match="937 connections"), serve(command_target("closes"), connections=937):
        pytest.fail("it was started")


@NEEDS_PRLIMIT
def test_a_started_server_may_open_enough_files_whatever_the_soft_limit() -> None:
    output = subprocess.run(
        [sys.executable, "-c", ALLOWED, str(ROOT)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (200, 600)),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=90,
        check=True,
    ).stdout
    # The limits of a start without a number, of one with a number, and of its restart.
    assert output.split() == ["200", "264", "264"]

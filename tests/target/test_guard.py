from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from wsproof.target.introspect import guarded

ROOT = Path(__file__).parents[2]
DEADLINE_S = 90.0
PARENT = """
import signal, sys
from pathlib import Path
from wsproof.target.server import serve
from wsproof.target.target import parse_target

with serve(parse_target("tests.target.apps.echo:app", path="/", cwd=Path(sys.argv[1]))) as server:
    print(server.pid, flush=True)
    signal.pause()
"""
WAITING = "import os, signal; print(os.getpid(), flush=True); signal.pause()"


def start(*command: str, grace_s: float | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        guarded(list(command), grace_s=grace_s), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def pid_of(process: subprocess.Popen[str]) -> psutil.Process:
    assert process.stdout is not None
    return psutil.Process(int(process.stdout.readline()))


def assert_gone(process: psutil.Process) -> None:
    _, alive = psutil.wait_procs([process], timeout=DEADLINE_S)
    assert alive == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_ends_if_its_parent_is_killed(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, str(ROOT)], stdout=subprocess.PIPE, text=True) as parent:
        server = pid_of(parent)
        parent.send_signal(number)
        parent.wait(DEADLINE_S)
        assert_gone(server)


def test_the_command_ends_when_the_guards_pipe_is_closed() -> None:
    with start(sys.executable, "-c", WAITING) as process:
        child = pid_of(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(DEADLINE_S) == 128 + signal.SIGTERM
        assert_gone(child)


def test_the_command_ends_when_the_guard_gets_sigterm() -> None:
    with start(sys.executable, "-c", WAITING) as process:
        child = pid_of(process)
        process.terminate()
        assert process.wait(DEADLINE_S) == 128 + signal.SIGTERM
        assert_gone(child)


def test_a_process_that_ignores_the_request_is_killed_after_the_grace_period() -> None:
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + WAITING
    with start(sys.executable, "-c", stubborn, grace_s=0.2) as process:
        child = pid_of(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(DEADLINE_S) == 128 + signal.SIGKILL
        assert_gone(child)


def test_processes_that_the_command_has_started_are_ended_with_it() -> None:
    leaves = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {WAITING!r}]); sys.exit(7)"
    with start(sys.executable, "-c", leaves, grace_s=0.5) as process:
        assert process.wait(DEADLINE_S) == 7
        assert process.stdout is not None
        child = process.stdout.readline()
        with suppress(
            psutil.NoSuchProcess
        ):  # The process may have ended. Otherwise its parent is now init, which has to reap it.
            if child:
                assert_gone(psutil.Process(int(child)))


def test_wrong_arguments_are_answered_with_usage() -> None:
    command = [*guarded([])[:-1], "no", "dashes"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")

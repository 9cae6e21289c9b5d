"""Tests that parts can be left out or copied: imports, and required files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.target_app.free_port import free_port
from tests.target_app.people import SECRET, Person, dial, make_token
from tests.target_app.server import DEADLINE, Server, wait_until

ROOT = Path(__file__).parents[2]
IMPORTED = "import sys, {module}; print(*sorted(sys.modules))"
CODE = re.compile(r"## Add a channel\n.*?```python\n(.*?)```", re.DOTALL)


def imported_by(module: str) -> set[str]:
    """Return the modules that an import in a separate process loads, without packages that are only a docstring."""
    command = [sys.executable, "-c", IMPORTED.format(module=module)]
    loaded = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=DEADLINE)
    return set(loaded.stdout.split()) - {"target_app", "target_app.channels"}


@contextmanager
def copied(folder: Path, *, without: tuple[str, ...] = (), files: dict[str, str] | None = None) -> Iterator[Server]:
    """Run a server from a copy of target_app, in a folder without the rest of this project."""
    shutil.copytree(ROOT / "target_app", folder / "target_app", ignore=shutil.ignore_patterns("__pycache__", *without))
    for name, text in (files or {}).items():
        (folder / "target_app" / name).write_text(text)
    port, output = free_port(), folder / "log"
    with output.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "target_app", "--port", str(port)],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TARGET_APP_SECRET": SECRET, "PYTHONPATH": str(folder)},
        )
        server = Server(process, port, output)
        try:
            wait_until(server.answers, "the copy answers")
            yield server
        finally:
            process.terminate()
            process.wait(DEADLINE)
    server.check_log()


def test_the_echo_needs_ten_files_at_most() -> None:
    ours = {name for name in imported_by("target_app.channels.echo") if name.startswith("target_app.")}
    assert len(ours) <= 10, sorted(ours)


def test_a_single_worker_imports_no_module_for_several_workers() -> None:
    loaded = imported_by("target_app.main")
    assert [name for name in loaded if name.startswith(("target_app.cluster", "redis"))] == []


def test_no_channel_imports_anything_for_several_workers() -> None:
    channels = [file.read_text() for file in (ROOT / "target_app/channels").glob("*.py")]
    assert len(channels) > 5
    assert not any("cluster" in text or "backplane" in text.partition('"""\n\n')[2] for text in channels)


def test_one_worker_runs_without_the_folder_for_several(tmp_path: Path) -> None:
    with copied(tmp_path, without=("cluster", "redis*")) as server:
        with dial(server, "/ws") as echo:
            echo.send("hello")
            assert echo.recv(DEADLINE) == "Message received: hello"
        with dial(server, f"/rooms/lobby?token={make_token('user')}") as socket:
            person = Person(socket)
            person.send("join")
            person.wait("members")
            person.send("say", id="1", text="hello")
            assert person.wait("ack")["seq"] == 1


LOGIN_CHANNELS = ("rooms.py", "draw.py", "game.py", "notifications.py")
THEIR_PARTS = ("game", "drawing*.py", "board_sessions.py", "match_sessions.py", "alerts.py", "direct*.py", "naive.py")


def test_the_other_channels_run_without_the_channels_with_a_login(tmp_path: Path) -> None:
    without = shutil.ignore_patterns("__pycache__", "cluster", *LOGIN_CHANNELS, *THEIR_PARTS)
    shutil.copytree(ROOT / "target_app", tmp_path / "target_app", ignore=without)
    document = "from target_app.main import app; from target_app.asyncapi import document"
    code = f"{document}; print(*document(app, 'localhost')['channels'])"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True, timeout=DEADLINE)
    assert len(done.stdout.split()) == 4, "echo, JSON echo, chat and dashboard"


def test_the_channel_of_the_readme_runs_as_pasted(tmp_path: Path) -> None:
    found = CODE.search((ROOT / "target_app/README.md").read_text())
    assert found is not None
    with (
        copied(tmp_path, files={"channels/news.py": found[1]}) as server,
        dial(server, "/news") as reporter,
        dial(server, "/news") as reader,
    ):
        reader.send("I am here")
        assert reader.recv(DEADLINE) == "I am here"
        reporter.send("news")
        assert reader.recv(DEADLINE) == "news"


def test_the_requirements_are_those_of_the_package() -> None:
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["reference"]
    files = ("target_app/requirements.txt", "target_app/cluster/requirements.txt")
    lines = [line for file in files for line in (ROOT / file).read_text().splitlines() if not line.startswith("#")]
    assert sorted(lines) == sorted(package)

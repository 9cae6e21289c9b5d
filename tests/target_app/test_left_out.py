"""Tests that each step of the README's reading order can be left out as the README says.

Without steps 1 and 3 to 7 a server is a copy of `lite`, under another name. Without step 11 it is a copy of the full
server without some files, and without the lines that name them.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.target_app.asgi_peer import AsgiPeer, talk
from tests.target_app.server import DEADLINE

ROOT = Path(__file__).parents[2]
STEP = re.compile(r"^\| (\d+) \| ([^|]+) \|", re.MULTILINE)


def files_of(step: int) -> list[str]:
    """Return the files of a step in the README's table."""
    cells = {int(number): files for number, files in STEP.findall((ROOT / "target_app/README.md").read_text())}
    return re.findall(r"`([\w/]+\.py)`", cells[step])


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `lite` under another name."""
    folder = tmp_path / "corner_shop"
    shutil.copytree(ROOT / "target_app/lite", folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def load(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import `app.py` of the copy anew, and forget the copy after the test."""
    for name in [name for name in sys.modules if name.split(".")[0] == folder.name]:
        monkeypatch.delitem(sys.modules, name)
    importlib.invalidate_caches()
    return importlib.import_module(f"{folder.name}.app")


@pytest.mark.parametrize("step", [1, 3, 4, 5, 6, 7])
def test_without_the_files_of_a_step_the_small_server_echoes_and_chats(
    shop: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    files = files_of(step)
    assert files
    assert all((ROOT / "target_app" / name).exists() for name in files)
    before = set(sys.modules)
    app = load(shop, monkeypatch).app
    theirs = {f"target_app.{name.removesuffix('.py').replace('/', '.')}" for name in files}
    assert not theirs & (set(sys.modules) - before)
    asyncio.run(talk(app))


def test_without_limits_of_addresses_one_address_has_many_connections(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Step 4: a proxy enforces these limits instead."""
    lite = load(shop, monkeypatch)

    async def scenario() -> None:
        for _ in range(700):
            async with AsgiPeer(lite.app, "/dashboard-feed"):
                pass

    asyncio.run(scenario())


COMPARISON = "    if not hmac.compare_digest(token.encode(), settings.token.encode()):\n"


def test_without_users_a_check_of_your_own_takes_the_place_of_the_token(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Step 5."""
    source = (shop / "auth.py").read_text()
    assert source.count(COMPARISON) == 1
    (shop / "auth.py").write_text(source.replace(COMPARISON, "    if not token.endswith('-of-mine'):\n"))
    monkeypatch.setenv("TARGET_APP_TOKEN", "unused")
    lite = load(shop, monkeypatch)

    async def scenario() -> None:
        async with AsgiPeer(lite.app, "/ws", authorization="Bearer any-of-mine") as peer:
            peer.say("hello")
            assert await peer.hear() == "Message received: hello"
        async with AsgiPeer(lite.app, "/ws", authorization="Bearer unused") as peer:
            assert await peer.close_code() == 1008

    asyncio.run(scenario())


def test_without_batches_a_stop_closes_all_at_once(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Step 7."""
    lite = load(shop, monkeypatch)

    async def scenario() -> None:
        async with AsgiPeer(lite.app, "/ws") as one, AsgiPeer(lite.app, "/ws/2") as two:
            await lite.server._drain()
            assert [await one.close_code(), await two.close_code()] == [1012, 1012]

    asyncio.run(scenario())


def leave_out(folder: Path, modules: list[str]) -> None:
    """Delete the modules, and the lines that name them in `main.py` and `startup.py`."""
    for module in modules:
        (folder / f"{module}.py").unlink()
    for file in (folder / "main.py", folder / "startup.py"):
        kept = []
        for line in file.read_text().splitlines(keepends=True):
            if line.startswith("from target_app import "):
                names = [name for name in line.split(" import ")[1].strip().split(", ") if name not in modules]
                kept += [f"from target_app import {', '.join(names)}\n"] if names else []
            elif not any(f"{module}." in line for module in modules):
                kept.append(line)
        file.write_text("".join(kept))


TALK = """
import asyncio
from target_app.main import app
from tests.target_app.asgi_peer import started, talk

async def main():
    async with started(app):
        await talk(app)

asyncio.run(main())
"""

OPTIONAL = ["fallback", "metrics_http", "admin", "asyncapi", "web"]
CHOICES = (
    *(pytest.param([name], marks=pytest.mark.slow) for name in ("fallback", "metrics_http", "admin", "asyncapi")),
    ["web", "admin", "asyncapi"],
    OPTIONAL,
)


@pytest.mark.parametrize("modules", CHOICES, ids=lambda modules: " ".join(modules))
def test_the_full_server_talks_without_the_routers_of_step_11(tmp_path: Path, modules: list[str]) -> None:
    assert files_of(11) == [f"{name}.py" for name in OPTIONAL]
    copy = tmp_path / "target_app"
    shutil.copytree(ROOT / "target_app", copy, ignore=shutil.ignore_patterns("__pycache__", "cluster"))
    leave_out(copy, modules)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(tmp_path)}
    command = [sys.executable, "-c", TALK]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr

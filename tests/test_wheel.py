"""Tests that the wheel contains only wsproof, and does not affect a project that installs it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from hatch_build import build

ROOT = Path(__file__).resolve().parents[1]
DEADLINE = 300.0
OWN_CACHES = {"__pycache__", ".pytest_cache", ".benchmarks"}
"""Caches that Python, pytest and pytest-benchmark (an empty folder in every run) leave behind."""


def python(*arguments: str, cwd: Path, target: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python. With `target`, that folder's packages precede all installed ones."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "PYTHON"))}
    if target is not None:
        env["PYTHONPATH"] = str(target)
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def succeed(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, f"{done.args}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    succeed(python("-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT), cwd=out))
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def target(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the wheel unpacked by pip, as in a user's environment."""
    folder = tmp_path_factory.mktemp("target")
    options = ["--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check", "--target", str(folder)]
    succeed(python("-m", "pip", "install", "--quiet", *options, str(wheel), cwd=folder))
    return folder


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_only_wsproof_is_installed(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in names(wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"wsproof"}
    assert len(tops) == 2


def test_all_of_wsproof_is_installed_data_too(wheel: Path) -> None:
    tracked = succeed(
        subprocess.run(
            ["git", "ls-files", "--cached", "harness/wsproof"], cwd=ROOT, capture_output=True, text=True, check=False
        )
    )
    committed = {name for name in tracked.split() if (ROOT / name).is_file()}
    missing = {name.removeprefix("harness/") for name in committed} - set(names(wheel))
    assert missing == set()
    assert "wsproof/py.typed" in names(wheel)


@pytest.mark.parametrize("suffix", ["schemas/wsproof.run.2.json", "schemas/wsproof.check.1.json"])
def test_the_schemas_are_there(wheel: Path, suffix: str) -> None:
    assert f"wsproof/report/{suffix}" in names(wheel)


def test_a_wheel_with_the_compiled_reader_is_of_one_platform_and_of_all_newer_pythons(wheel: Path) -> None:
    has_reader = any(name.endswith("_frame_reader.abi3.so") for name in names(wheel))
    python_tag, abi_tag, platform_tag = wheel.stem.split("-")[-3:]
    if has_reader:
        assert (python_tag, abi_tag) == ("cp311", "abi3")
        assert platform_tag.startswith("linux_")
    else:
        assert (python_tag, abi_tag, platform_tag) == ("py3", "none", "any")


def test_without_a_compiler_the_build_goes_on_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    assert build(tmp_path) == "there is no C compiler (no-such-compiler)"
    monkeypatch.setenv("CC", f"{sys.executable} -c pass")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert build(tmp_path) == "it reads on Linux only"


@pytest.mark.parametrize("suite", ["conformance", "delivery"])
def test_the_shipped_suites_are_there(wheel: Path, suite: str) -> None:
    assert f"wsproof/{suite}/test_{suite}.py" in names(wheel)


def test_the_command_and_the_plugin_are_announced(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (announced,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        text = archive.read(announced).decode()
    assert "wsproof = wsproof.cli:main" in text
    assert "[pytest11]\nwsproof = wsproof.pytest.plugin" in text


@pytest.fixture
def other_project(tmp_path: Path) -> Path:
    """Return a project with names that could conflict with those of a package."""
    project = tmp_path / "project"
    files = {
        "tests/__init__.py": "",
        "tests/harness.py": "ANSWER = 42\n",
        "tests/test_own.py": (
            "from pathlib import Path\n\nimport wsproof\nfrom reports import monthly\nfrom scenarios import browse\n"
            "from tests import harness\n\n\n"
            "def test_our_own_names_are_ours(request):\n"
            "    assert (harness.ANSWER, monthly.TITLE, browse.PAGES) == (42, 'May', ['/'])\n"
            "    assert request.config.pluginmanager.hasplugin('wsproof') or "
            "request.config.pluginmanager.hasplugin('wsproof.pytest.plugin')\n"
            "    assert Path(wsproof.__file__).is_relative_to(Path('TARGET'))\n"
        ),
        "reports/__init__.py": "",
        "reports/monthly.py": "TITLE = 'May'\n",
        "scenarios/__init__.py": "",
        "scenarios/browse.py": "PAGES = ['/']\n",
        "its/__init__.py": "",
        "its/app.py": (
            "from fastapi import FastAPI, WebSocket, WebSocketDisconnect\n\napp = FastAPI()\n\n\n"
            "@app.websocket('/socket')\n"
            "async def socket(ws: WebSocket):\n"
            "    await ws.accept()\n"
            "    try:\n"
            "        while True:\n"
            "            event = await ws.receive()\n"
            "            if event['type'] == 'websocket.disconnect':\n"
            "                return\n"
            "            text, data = event.get('text'), event.get('bytes')\n"
            "            await (ws.send_text(text) if text is not None else ws.send_bytes(data))\n"
            "    except WebSocketDisconnect:\n"
            "        return\n"
        ),
    }
    for name, text in files.items():
        file = project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return project


def written(project: Path, before: Sequence[Path]) -> set[str]:
    """Return the new files in a project, except for caches."""
    new = set(project.rglob("*")) - set(before)
    return {str(path.relative_to(project)) for path in new if not OWN_CACHES & set(path.relative_to(project).parts)}


def test_the_tests_of_another_project_still_run(other_project: Path, target: Path) -> None:
    own = other_project / "tests" / "test_own.py"
    own.write_text(own.read_text().replace("TARGET", str(target)))
    before = list(other_project.rglob("*"))
    done = python("-m", "pytest", "-q", cwd=other_project, target=target)
    assert "1 passed" in succeed(done)
    assert written(other_project, before) == set()


@pytest.mark.slow
@pytest.mark.parametrize("only", [("-k", "opening-accepted or fragments-joined"), pytest.param((), id="everything")])
def test_the_shipped_suite_runs_in_another_project(other_project: Path, target: Path, only: tuple[str, ...]) -> None:
    before = list(other_project.rglob("*"))
    output = succeed(
        python(
            "-c", "import wsproof.conformance; print(wsproof.conformance.__file__)", cwd=other_project, target=target
        )
    )
    assert Path(output.strip()).is_relative_to(target)
    # Unlike others, this server answers every handshake, so the test need not wait for a timeout.
    options = ("--ws-target", "its.app:app", "--ws-server", "uvicorn-wsproto", "--ws-examples", "3")
    done = python(
        "-m", "pytest", "-q", "--pyargs", "wsproof.conformance", *options, *only, cwd=other_project, target=target
    )
    # The suite tests the faults of the server library. Here it is enough that it ran and named them by test.
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert " passed" in done.stdout, done.stdout + done.stderr
    assert " error" not in done.stdout.splitlines()[-1], done.stdout + done.stderr
    # Findings are stored in a run, and runs are the only files that may be written.
    assert {Path(path).parts[0] for path in written(other_project, before)} <= {".wsproof"}

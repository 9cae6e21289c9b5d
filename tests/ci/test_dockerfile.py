"""Tests of the Dockerfile without Docker: its files exist, and its steps build and install the command line.

The base images, apt and the installation of the dependencies from a registry are not tried here.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.forked import ROOT

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
INSTRUCTIONS = [tuple(line.split(maxsplit=1)) for line in TEXT.splitlines() if line and not line.startswith("#")]
STAGE, IMAGE = TEXT.split("\n\nFROM ")


def instructions(kind: str, text: str = TEXT) -> list[str]:
    """Return the arguments of each instruction of a kind."""
    return re.findall(rf"^{kind} (.*)$", text, re.MULTILINE)


def copied_from_the_checkout(text: str = TEXT) -> list[str]:
    """Return the paths in the checkout that COPY names."""
    return [path for line in instructions("COPY", text) if not line.startswith("--from") for path in line.split()[:-1]]


def test_each_line_is_an_instruction() -> None:
    known = {"FROM", "RUN", "WORKDIR", "COPY", "USER", "ENTRYPOINT", "CMD"}
    assert {line[0] for line in INSTRUCTIONS} <= known


def test_every_file_that_is_copied_is_sent_to_the_build() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(copied_from_the_checkout()) == sent
    assert [path for path in sent if not (ROOT / path).exists()] == []


def test_the_command_runs_as_a_user_without_privileges_and_prints_its_help() -> None:
    assert instructions("USER") == ["wsproof"]
    assert instructions("ENTRYPOINT") == ['["wsproof"]']
    assert instructions("CMD") == ['["--help"]']


def run_step(command: str, folder: Path, **variables: str) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", **variables}
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_steps_build_a_wheel_and_install_the_command(tmp_path: Path) -> None:
    """Both pip steps run as they are. Settings of pip keep them from the network and from the system's packages."""
    source, wheels, target = tmp_path / "src", tmp_path / "wheels", tmp_path / "target"
    source.mkdir()
    for path in copied_from_the_checkout(STAGE):
        if (ROOT / path).is_dir():
            shutil.copytree(ROOT / path, source / path, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
        else:
            shutil.copy(ROOT / path, source / path)
    (build,) = (step for step in instructions("RUN", STAGE) if "pip" in step)
    run_step(build.replace("/wheels", str(wheels)), source, PIP_NO_BUILD_ISOLATION="no", PIP_NO_INDEX="1")
    (install,) = (step for step in instructions("RUN", IMAGE) if "pip" in step)
    constraints = str(ROOT / "constraints.txt")
    install = install.replace("/wheels", str(wheels)).replace("/tmp/constraints.txt", shlex.quote(constraints))
    run_step(install, tmp_path, PIP_NO_DEPS="1", PIP_NO_INDEX="1", PIP_TARGET=str(target))
    run_step(f"{shlex.quote(str(target / 'bin' / 'wsproof'))} --help", tmp_path, PYTHONPATH=str(target))

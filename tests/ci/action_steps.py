"""Runs the shell steps of action.yml as the runner does: with its shell, its files and the values of expressions."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
EXPRESSION = re.compile(r"\$\{\{ ([\w.-]+) \}\}")
SHELL = ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c")
"""The command line of `shell: bash` (GitHub's documentation of workflow syntax)."""


@dataclass(frozen=True)
class Runner:
    """A folder that holds a project and what a runner provides. `inputs` replace the defaults of the action."""

    folder: Path
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """The summary of the job."""
        return (self.folder / "summary").read_text(encoding="utf-8")

    @property
    def programs(self) -> Path:
        """The first folder of the PATH."""
        return self.folder / "programs"

    def install(self, name: str, script: str) -> None:
        """Put a program on the PATH, before all others."""
        self.programs.mkdir(exist_ok=True)
        (self.programs / name).write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
        (self.programs / name).chmod(0o755)

    def run(self, identifier: str) -> subprocess.CompletedProcess[str]:
        """Run the step with this id, and keep its outputs."""
        (step,) = (step for step in STEPS if step.get("id") == identifier)
        outputs = self.folder / "outputs"
        outputs.write_text("")
        done = subprocess.run(
            [*SHELL, step["run"]],
            cwd=self.folder / self.value(step.get("working-directory", ".")),
            env=self._environment(outputs) | {key: self.value(text) for key, text in step["env"].items()},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        for name, _, value in (line.partition("=") for line in outputs.read_text().splitlines()):
            self.outputs[name] = value
        return done

    def value(self, text: str) -> str:
        """The text with the value of each expression."""
        return EXPRESSION.sub(lambda match: self._values[match[1]], text)

    @property
    def _values(self) -> dict[str, str]:
        inputs = {f"inputs.{name}": str(made["default"]) for name, made in ACTION["inputs"].items()}
        return {
            **inputs,
            **{f"inputs.{name}": value for name, value in self.inputs.items()},
            **{f"steps.run.outputs.{name}": value for name, value in self.outputs.items()},
            "runner.temp": str(self.folder),
            "github.action_path": str(ROOT),
            "github.token": "t0ken-of-a-job",
            "github.repository": "shop/chat",
            "github.event.pull_request.number": "7",
        }

    def _environment(self, outputs: Path) -> dict[str, str]:
        places = [str(self.programs), str(Path(sys.executable).parent), os.environ["PATH"]]
        files = {"GITHUB_OUTPUT": str(outputs), "GITHUB_STEP_SUMMARY": str(self.folder / "summary")}
        return {**os.environ, **files, "PATH": os.pathsep.join(places), "GITHUB_WORKSPACE": str(self.folder)}

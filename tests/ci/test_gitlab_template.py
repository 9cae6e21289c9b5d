"""Tests of the template for GitLab CI: its schema, and its script."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import yaml

from tests.ci.schemas import errors_by_schema
from tests.forked import ROOT

TEMPLATE = ROOT / "templates" / "wsproof.gitlab-ci.yml"
JOB = yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))[".wsproof"]


def test_the_template_follows_the_schema() -> None:
    assert errors_by_schema("vendor.gitlab-ci", TEMPLATE, "--data-transform", "gitlab-ci") == []


def test_only_exit_code_3_may_fail_without_failing_the_pipeline() -> None:
    assert JOB["allow_failure"] == {"exit_codes": 3}


def test_the_script_installs_and_runs_what_the_variables_say(tmp_path: Path) -> None:
    for name in ("python", "wsproof"):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\nprintf "%s\\n" {name} "$@" >> {tmp_path}/calls\n[ {name} = python ]\n')
        program.chmod(0o755)
    variables = JOB["variables"] | {
        "WSPROOF_INSTALL": "-r 'my requirements.txt'",
        "WSPROOF_COMMAND": "bench --slo 'p50(latency) < 50ms'",
    }
    done = subprocess.run(
        ["sh", "-e", "-c", "\n".join(JOB["script"])],
        cwd=tmp_path,
        env={**os.environ, **variables, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        check=False,
        timeout=60,
    )
    assert done.returncode == 1, "the exit code of wsproof is that of the job"
    install, measure = (tmp_path / "calls").read_text().split("wsproof\nbench")
    assert install.splitlines()[-2:] == ["-r", "my requirements.txt"]
    assert measure.splitlines() == ["", "--slo", "p50(latency) < 50ms", "--markdown", "wsproof.md"]

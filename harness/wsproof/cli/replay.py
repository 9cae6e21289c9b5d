"""`wsproof replay`: one finding's shortest reproduction, again."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from wsproof import channels
from wsproof.cli.stage import Stage
from wsproof.errors import ExitCode, UsageError
from wsproof.model.finding import Finding
from wsproof.model.suite import SuiteOptions
from wsproof.net.redact import hide_in
from wsproof.net.running import RunningServer
from wsproof.report.text import show_finding
from wsproof.rfc6455 import suite as rfc6455


def perform(arguments: argparse.Namespace) -> ExitCode:
    """Do it again: exit 1 if it happens again, 0 if not."""
    finding, target = read_finding(arguments.finding)
    remember(arguments, target)
    stage = Stage(arguments)
    with stage.running(wire=True) as server:
        again = [one for one in replayed(stage, server, finding) if one.check == finding.check]
    for one in again:
        show_finding(stage.console, replace(hide_in(one, stage.target.secrets), replay=None))
    said = "It happens again." if again else "It does not happen again: this conversation went as it should."
    stage.console.print(f"\n{said}", markup=False)
    return ExitCode.FAILED if again else ExitCode.OK


def read_finding(path: Path) -> tuple[Finding, Mapping[str, Any]]:
    """A finding's file, and the target it was found on.

    Raises:
        UsageError: there is no such file, it is no finding, or one that cannot be repeated.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        finding = Finding.from_json(data)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}. A run keeps its findings in RUN/findings/.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is not a finding of wsproof: {error}") from error
    if finding.recipe is None:
        raise UsageError(
            f"{path} was measured under load and has no single conversation to repeat; run the bench again."
        )
    return finding, data.get("target") or {}


def remember(arguments: argparse.Namespace, target: Mapping[str, Any]) -> None:
    """Where the command line does not say it, the target is the one the finding was found on."""
    if arguments.target is None:
        arguments.target = target.get("spec")
        arguments.server = target.get("server") or arguments.server
        arguments.path = arguments.path or target.get("path")
    arguments.channels = arguments.channels or target.get("channels")
    arguments.settings = arguments.settings or [
        f"{key}={value}" for key, value in (target.get("settings") or {}).items()
    ]


def replayed(stage: Stage, server: RunningServer, finding: Finding) -> list[Finding]:
    """Perform the recipe once and judge it."""
    assert finding.recipe is not None
    deadline_s = SuiteOptions().deadline_s
    if finding.recipe.get("suite") == "rfc6455":
        return rfc6455.replay(finding.recipe, server.endpoint, deadline_s)
    stage.needed_channels()
    return channels.replay(finding.recipe, server, stage.workloads, deadline_s)

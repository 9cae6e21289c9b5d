"""The command line that repeats a run."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from wsproof.model import reference_server
from wsproof.model.capacity import CapacityRecord
from wsproof.model.record import IMPORTED, RunRecord

LOADED = ("bench", "run")
"""Commands with a load plan."""
OPTIONS = (
    "workload",
    "subscribers",
    "publishers",
    "rate_hz",
    "duration_s",
    "warmup_s",
    "payload_bytes",
    "arrivals",
    "processes",
)
"""Fields of a plan that are options of the same name, apart from the unit."""
TARGET_OPTIONS = ("ready", "origin", "unix", "ca", "cert", "key", "user_file", "metrics_url")
"""Fields of a target that are options with a value."""
TARGET_FLAGS = ("insecure", "remote")
"""Fields of a target that are flags."""


def repeat_line(record: RunRecord) -> str:
    """The command that repeats this run. Secrets must be filled in by the user."""
    if record.command == IMPORTED:
        return f"wsproof import FILE  # a result of {record.target.get('spec')}"
    arguments = ["wsproof", record.command, *_target(record.target)]
    if record.capacity is not None:
        arguments += _search(record.capacity)
    elif record.command in LOADED:
        arguments += _plan(record.plan)
        for objective in record.objectives:
            arguments += ["--slo", objective.objective]
    seed = _seed(record)
    if seed is not None:
        arguments += ["--seed", str(seed)]
    return " ".join(shlex.quote(argument) for argument in arguments)


def commit_line(git: Mapping[str, Any]) -> str:
    """The command that checks out the run's commit; empty outside a repository."""
    return f"git checkout {git['sha'][:12]}" if git.get("sha") else ""


def _target(target: Mapping[str, Any]) -> list[str]:
    kind = target.get("kind")
    arguments = [str(target["spec"])] if kind != reference_server.KIND and target.get("spec") else []
    if kind in ("asgi", reference_server.KIND) and target.get("server"):
        arguments += ["--server", str(target["server"])]
    if kind in ("asgi", "command") and target.get("path") and not target.get("path_from_channels"):
        arguments += ["--path", target["path"]]
    for name in TARGET_OPTIONS:
        if target.get(name):
            arguments += [_option(name), target[name]]
    arguments += [_option(name) for name in TARGET_FLAGS if target.get(name)]
    if kind != "url":
        arguments += _each("--env", (f"{name}={value}" for name, value in (target.get("env") or {}).items()))
    arguments += _each("--header", (f"{name}: {value}" for name, value in (target.get("headers") or {}).items()))
    arguments += _each("--subprotocol", target.get("subprotocols") or ())
    if target.get("channels") and (kind, target["channels"]) != (reference_server.KIND, reference_server.CHANNELS):
        arguments += ["--channels", target["channels"]]
    return arguments + _each("--set", (f"{name}={value}" for name, value in (target.get("settings") or {}).items()))


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _each(option: str, values: Iterable[str]) -> list[str]:
    return [argument for value in values for argument in (option, value)]


def _plan(plan: Mapping[str, Any]) -> list[str]:
    closed = plan.get("loop") == "closed"
    arguments: list[str] = ["--closed", "--in-flight", str(plan["in_flight"])] if closed else []
    if plan.get("sizes") is not None:
        arguments += ["--payload", plan["sizes"]]
    if plan.get("connect_hz") is not None:
        arguments += ["--connect-rate", f"{plan['connect_hz']:g}"]
    if plan.get("deflate"):
        arguments.append("--deflate")
    if not plan.get("pin", True):
        arguments.append("--no-pin")
    if plan.get("event_loop", "auto") != "auto":
        arguments += ["--loop", plan["event_loop"]]
    if plan.get("steps", 1) != 1:
        arguments += ["--steps", str(plan["steps"])]
    for name in OPTIONS:
        if name == "payload_bytes" and plan.get("sizes") is not None:
            continue
        if closed and name == "rate_hz":  # in a closed loop the rate is a result, not an option
            continue
        if plan.get(name) is not None:
            value = plan[name]
            text = f"{value:g}" if isinstance(value, float) else str(value)
            arguments += [f"--{name.partition('_')[0]}", text]
    return arguments


def _search(capacity: CapacityRecord) -> list[str]:
    arguments = ["--over", capacity.over]
    for objective in capacity.objectives:
        arguments += ["--slo", objective.text]
    search = capacity.search
    for option, value in (
        ("from", search.lowest),
        ("to", search.highest),
        ("resolution", search.resolution),
        ("max-runs", search.max_runs),
    ):
        arguments += [f"--{option}", f"{value:g}"]
    return arguments + _plan(capacity.plan)


def _seed(record: RunRecord) -> int | None:
    if record.check is not None:
        return record.check.seed
    seed: int | None = record.plan.get("seed")
    return seed

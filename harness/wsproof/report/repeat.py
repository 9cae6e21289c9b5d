"""The command line that does a run again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from wsproof.model.record import RunRecord

LOADED = ("bench", "run")
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


def repeat_line(record: RunRecord) -> str:
    """What to type to do this run again; the commit to be on first, where it is known."""
    words = ["wsproof", record.command]
    if record.target.get("kind") != "reference" and record.target.get("spec"):
        words.append(str(record.target["spec"]))
    if record.target.get("kind") in ("asgi", "reference") and record.target.get("server"):
        words += ["--server", str(record.target["server"])]
    searched = record.parts.get("capacity")
    if searched:
        words += _search(searched)
    elif record.command in LOADED:
        words += _plan(record.plan)
    seed = _seed(record)
    if seed is not None:
        words += ["--seed", str(seed)]
    return " ".join(shlex.quote(word) for word in words)


def commit_line(git: Mapping[str, Any]) -> str:
    """How to get the source of the run; empty outside a repository."""
    return f"git checkout {git['sha'][:12]}" if git.get("sha") else ""


def _plan(plan: Mapping[str, Any]) -> list[str]:
    closed = plan.get("loop") == "closed"
    words: list[str] = ["--closed", "--in-flight", str(plan["in_flight"])] if closed else []
    if plan.get("sizes") is not None:
        words += ["--payload", plan["sizes"]]
    if plan.get("connect_hz") is not None:
        words += ["--connect-rate", f"{plan['connect_hz']:g}"]
    if plan.get("deflate"):
        words.append("--deflate")
    if plan.get("steps", 1) != 1:
        words += ["--steps", str(plan["steps"])]
    for name in OPTIONS:
        if name == "payload_bytes" and plan.get("sizes") is not None:
            continue
        if closed and name == "rate_hz":  # it came of the loop, and was not asked for
            continue
        if plan.get(name) is not None:
            value = plan[name]
            text = f"{value:g}" if isinstance(value, float) else str(value)
            words += [f"--{name.partition('_')[0]}", text]
    return words


def _search(part: Mapping[str, Any]) -> list[str]:
    words = ["--over", part["over"]]
    for objective in part["objectives"]:
        words += ["--slo", objective["text"]]
    search = part["search"]
    for option, name in (
        ("from", "lowest"),
        ("to", "highest"),
        ("resolution", "resolution"),
        ("trials", "most_trials"),
    ):
        words += [f"--{option}", f"{search[name]:g}"]
    return words + _plan(part["plan"])


def _seed(record: RunRecord) -> int | None:
    check = record.parts.get("check") or {}
    seed: int | None = check.get("seed", record.plan.get("seed"))
    return seed

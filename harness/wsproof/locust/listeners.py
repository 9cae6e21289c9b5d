"""What wsproof does at the turning points of a Locust test: start the target, judge the rooms, leave a summary."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from locust import events
from locust.runners import MasterRunner, WorkerRunner

from wsproof.errors import WsproofError
from wsproof.locust.rooms import CHANNELS, SETTINGS, LocustRoom, forget_rooms, rooms_of
from wsproof.model.finding import Finding, Level, Verdict, verdict_of
from wsproof.net.running import serve
from wsproof.net.target import parse_target
from wsproof.stats.metrics import summaries
from wsproof.stats.stability import judge_trust
from wsproof.workloads import environment_of, load_channels

SUMMARY = "WSPROOF_LOAD_SUMMARY"
"""Where a headless run leaves its summary for `wsproof load`."""

STARTED = ExitStack()
JUDGED: list[dict[str, Any]] = []


class Violation(Exception):
    """The failure that Locust shows: a promise of the channel was broken."""


def install() -> None:
    """Listen; called once, when `wsproof.locust` is imported."""
    listeners: tuple[tuple[Any, Any], ...] = (
        (events.init, start_target),
        (events.test_start, begin),
        (events.test_stopping, judge_rooms),
        (events.quitting, leave_summary),
        (events.quit, stop_target),
    )
    for hook, listener in listeners:
        hook.add_listener(listener)


def start_target(environment: Any, **_: Any) -> None:
    """Make Locust's host a ws:// URL: `--host` takes any TARGET; without it, the reference server is started."""
    if isinstance(environment.runner, WorkerRunner):
        return  # its master tells it the host
    host: str | None = environment.host
    if host is not None and host.split("://")[0] in ("http", "https"):
        host = "ws" + host.removeprefix("http")
    if host is None or not host.startswith(("ws://", "wss://")):
        host = serve_here(environment, host)
    environment.host = host


def serve_here(environment: Any, spec: str | None) -> str:
    """Start a target beside Locust and return its URL."""
    settings = json.loads(os.environ.get(SETTINGS, "{}"))
    extra = environment_of(load_channels(os.environ.get(CHANNELS, "tutorial"), settings))
    try:
        server = STARTED.enter_context(serve(parse_target(spec), extra_env=extra))
    except WsproofError as error:
        raise SystemExit(f"wsproof: {error}") from error
    return server.endpoint.at("/").url.rstrip("/")


def begin(environment: Any, **_: Any) -> None:
    """A new test: new rooms."""
    forget_rooms(environment)
    JUDGED.clear()


def judge_rooms(environment: Any, **_: Any) -> None:
    """Before the users are stopped: wait for what is under way, then hold each history against its contract."""
    if isinstance(environment.runner, MasterRunner):
        return
    for room in rooms_of(environment):
        room.drain()
    for room in rooms_of(environment):
        findings = room.judge()
        for finding in findings:
            show(environment, room, finding)
        JUDGED.append(describe(room, findings))


def show(environment: Any, room: LocustRoom, finding: Finding) -> None:
    """A violation, as Locust shows failures."""
    if finding.level is Level.VIOLATION:
        environment.events.request.fire(
            request_type="WS",
            name=f"{room.workload.name}: {finding.check}",
            response_time=0,
            response_length=0,
            exception=Violation(finding.explanation),
            context={},
        )


def describe(room: LocustRoom, findings: list[Finding]) -> dict[str, Any]:
    """One room in the summary."""
    measurement = room.measurement()
    return {
        "workload": room.workload.name,
        "users": len(room.members),
        "rate_hz": room.rate_hz if room.workload.publishes else None,
        "verdict": verdict_of(findings).value,
        "metrics": {name: summary.to_json() for name, summary in summaries(measurement).items()},
        "findings": [finding.to_json() for finding in findings],
        "warnings": [caution.to_json() for caution in judge_trust(measurement)],
    }


def leave_summary(environment: Any, **_: Any) -> None:
    """What a headless run came to, for `wsproof load` and its page."""
    where = os.environ.get(SUMMARY)
    if where is None or isinstance(environment.runner, WorkerRunner):
        return
    if environment.runner is not None:
        environment.runner.stop()  # SIGTERM and Ctrl-C come here first: judge what there is
    total = environment.stats.total
    summary = {
        "verdict": Verdict.worst(Verdict(room["verdict"]) for room in JUDGED).value
        if JUDGED
        else Verdict.UNKNOWN.value,
        "rooms": list(JUDGED),
        "requests": total.num_requests,
        "failures": total.num_failures,
        "findings": [finding for room in JUDGED for finding in room["findings"]],
    }
    Path(where).write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")


def stop_target(**_: Any) -> None:
    """End the server that was started beside Locust."""
    STARTED.close()

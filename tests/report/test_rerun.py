"""Tests that the printed rerun command repeats the same run."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from wsproof import BenchOptions, RunRecord
from wsproof.cli.parser import parse_command
from wsproof.model.bench_record import ObjectiveOutcome
from wsproof.report.text.rerun import repeat_line
from wsproof.session.context import CommandContext
from wsproof.session.plan import plan_of

URL = "wss://127.0.0.1:1/ws"


def typed(line: list[str]) -> CommandContext[BenchOptions]:
    return CommandContext(parse_command(line).options)


def recorded(context: CommandContext[BenchOptions]) -> RunRecord:
    """Return the record of such a run, without running it."""
    server = {"server": "uvicorn-wsproto"} if context.target.is_ours else {}
    target: dict[str, Any] = {
        **context.target.describe(),
        **server,
        "channels": context.channels,
        "settings": context.settings,
    }
    objectives = tuple(ObjectiveOutcome(text, None) for text in context.options.slo)
    return RunRecord("id", "bench", "", target, plan=plan_of(context).to_json(), objectives=objectives)


@pytest.mark.parametrize(
    "line",
    [
        "bench",
        "bench --workload echo --format binary --arrivals poisson --slo 'p99(latency) < 5ms' --slo 'lost == 0'",
        "bench --channels reference --workload rooms --rooms 5 --publishers 5 --payload 64-1024 --steps 2 --deflate",
        "bench --loop asyncio --processes 3",
        "bench --closed --in-flight 4 --connect-rate 50 --payload 120:9,4096:1 --warmup 500ms --no-pin --env MODE=fast",
        f"bench {URL} --channels tutorial --ca /trusted.pem --subprotocol v1 --origin http://a.test --arrivals burst:5",
        f"bench {URL} --channels tutorial --insecure --header 'X-Room: 7' --arrivals ramp:5-50 --seed 3",
        "bench ws://localhost/ws --channels tutorial --unix /run/shop.sock --set chat.prefix=load-",
        "bench shop:app --channels tutorial --path /talk",
        "bench 'cmd:serve {port}' --ready 'http://127.0.0.1:{port}/up' --channels tutorial --path /ws",
    ],
)
def test_the_command_on_the_page_requests_the_same_run(line: str) -> None:
    first = typed(shlex.split(line))
    again = typed(shlex.split(repeat_line(recorded(first)))[1:])
    assert plan_of(again) == plan_of(first)
    for name in ("spec", "path", "env", "headers", "subprotocols", "origin", "unix", "ca", "insecure", "ready_url"):
        assert getattr(again.target, name) == getattr(first.target, name), name
    assert (again.channels, again.settings) == (first.channels, first.settings)
    assert again.options.slo == first.options.slo


def test_secrets_are_placeholders_to_fill_in() -> None:
    line = repeat_line(recorded(typed(["bench", URL, "--channels", "tutorial", "--token", "hunter2"])))
    assert "--header 'Authorization: [redacted]'" in line
    assert "hunter2" not in line

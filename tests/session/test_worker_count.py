"""Tests of the default number of processes, and of the message about it."""

from __future__ import annotations

from typing import Any

import pytest

from wsproof import RunRecord
from wsproof.cli.parser import parse_command
from wsproof.load import cores
from wsproof.model.bench_record import GeneratorSetup
from wsproof.report.text.rerun import repeat_line
from wsproof.report.text.run import generator_sentence
from wsproof.session.bench_mix import options_per_workload, parse_mix
from wsproof.session.capacity import base_plan
from wsproof.session.context import CommandContext
from wsproof.session.plan import plan_of

HERE = "ws://127.0.0.1:1/ --channels tutorial"


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "count_cores", lambda: 8)


def context(line: str) -> CommandContext[Any]:
    return CommandContext(parse_command(line.split()).options)


@pytest.mark.parametrize(
    ("line", "processes"),
    [
        (f"bench {HERE}", 1),
        (f"bench {HERE} --subscribers 1000", 4),
        (f"bench {HERE} --subscribers 9999", 7),
        ("bench ws://192.0.2.1/ --remote --channels tutorial --subscribers 9999", 8),
        (f"bench {HERE} --subscribers 1000 --processes 2", 2),
        (f"compare a b {HERE} --subscribers 1000", 4),
    ],
)
def test_a_plan_has_the_requested_or_the_default_number_of_processes(line: str, processes: int) -> None:
    assert plan_of(context(line)).processes == processes


@pytest.mark.parametrize(
    ("line", "processes"),
    [
        ("", 7),  # up to 10,000 subscribers
        ("--to 500", 2),
        ("--over rooms --subscribers 10 --to 100", 4),
        ("--over rate --subscribers 100", 1),
        ("--processes 3", 3),
    ],
)
def test_all_levels_of_a_search_have_the_processes_of_the_highest(line: str, processes: int) -> None:
    assert base_plan(context(f"capacity {HERE} --slo lost==0 {line}")).processes == processes


def test_concurrent_workloads_share_the_cores() -> None:
    mixed = context(f"bench {HERE} --workload chat:1,echo:1 --subscribers 9999")
    for options in options_per_workload(mixed.options, parse_mix("chat:1,echo:1")):
        assert plan_of(CommandContext(options), beside=2).processes == 3


def test_the_line_that_repeats_a_run_says_that_nothing_was_pinned() -> None:
    for option, pinned in (("", True), (" --no-pin", False)):
        plan = plan_of(context(f"bench {HERE}{option}"))
        assert plan.pin is pinned
        line = repeat_line(RunRecord("id", "bench", "", plan=plan.to_json()))
        assert ("--no-pin" in line) is not pinned


def test_the_load_generator_is_described_in_a_sentence() -> None:
    assert generator_sentence(GeneratorSetup(1, True, (1,), "uvloop")) == (
        "load from 1 process with uvloop (chosen by subscribers and free cores) on 1 dedicated core"
    )
    assert generator_sentence(GeneratorSetup(2, False)) == "load from 2 processes (as requested)"

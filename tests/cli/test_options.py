"""Tests of the command line: durations, arguments after --, and exit codes of wrong usage."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from wsproof.cli import main, split_at_dashes
from wsproof.cli.parser import parse_command
from wsproof.errors import ExitCode
from wsproof.model.arrivals import CONSTANT, BurstArrivals, Trace
from wsproof.session.context import CommandContext
from wsproof.session.option_text import arrivals, message, seconds
from wsproof.session.plan import plan_of

VERBS = ("check", "bench", "capacity", "load", "run", "compare", "bisect", "report", "replay", "list", "serve")


@pytest.mark.parametrize(
    ("text", "expected"), [("10", 10.0), ("10s", 10.0), ("500ms", 0.5), ("2m", 120.0), ("1.5s", 1.5)]
)
def test_a_duration_may_have_a_unit(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "s", "-1s", "ten", "1h", "1e3", "0s", "nan"])
def test_an_invalid_duration_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        seconds(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", "hello"),
        ('{"a": 1}', '{"a": 1}'),
        ("hex:00ff", b"\x00\xff"),
        ("text:hex:00", "hex:00"),
        ("a:b", "a:b"),
    ],
)
def test_a_message_is_a_text_or_binary_in_hexadecimal_digits(text: str, expected: str | bytes) -> None:
    assert message(text) == expected


def test_a_message_with_invalid_digits_is_refused() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="hexadecimal digits"):
        message("hex:hello")


def test_a_valid_message_is_a_sample() -> None:
    options = parse_command(["check", "--valid-message", "hex:00", "--login", "a", "--login", "b"]).options
    assert (options.sample, options.login) == (b"\x00", ("a", "b"))


def test_arrivals_are_read_with_the_file_of_their_trace(tmp_path: Path) -> None:
    trace = tmp_path / "times.txt"
    trace.write_text("7.5\n8\n", encoding="utf-8")
    assert arrivals(f"trace:{trace}") == Trace((0, 500_000_000), str(trace))
    assert arrivals("burst:3") == BurstArrivals(3)
    assert parse_command(["bench"]).options.arrivals == CONSTANT


@pytest.mark.parametrize("text", ["trace:/nowhere/times.txt", "trace:", "now and then"])
def test_impossible_arrivals_are_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"cannot read the trace|expected constant, poisson"):
        arrivals(text)


@pytest.mark.parametrize(("words", "rate_hz"), [("ramp:10-50", 30.0), ("poisson", 20.0)])
def test_a_plan_has_the_rate_of_its_arrivals(words: str, rate_hz: float) -> None:
    options = parse_command(["bench", "ws://127.0.0.1:1/", "--channels", "tutorial", "--arrivals", words]).options
    plan = plan_of(CommandContext(options))
    assert (str(plan.arrivals), plan.rate_hz) == (words, rate_hz)


def test_arguments_after_the_dashes_are_passed_on() -> None:
    assert split_at_dashes(["load", "--users", "5", "--", "--html", "x"]) == (["load", "--users", "5"], ["--html", "x"])
    assert split_at_dashes(["check"]) == (["check"], [])


@pytest.mark.parametrize("verb", VERBS)
def test_every_command_has_a_help_text(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0
    assert verb in capsys.readouterr().out


def test_the_exit_codes_are_listed_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    output = capsys.readouterr().out
    for code in ExitCode:
        assert str(int(code)) in output


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["chek"],
        ["bench", "--subscribers", "0"],
        ["bench", "--rate", "nan"],
        ["bench", "--duration", "soon"],
        ["check", "--exa", "5"],
    ],
)
def test_wrong_usage_ends_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == ExitCode.USAGE
    assert "--help" in capsys.readouterr().err


def test_only_the_load_command_passes_arguments_to_locust(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--", "--html"]) == ExitCode.USAGE
    assert "Locust" in capsys.readouterr().err


def test_every_command_has_a_module() -> None:
    from importlib import import_module

    for verb in VERBS:
        assert callable(import_module(f"wsproof.cli.{verb}").run_command)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rooms", "3"], "the workload chat has no setting called rooms"),
        (["--rooms", "3", "--channels", "reference"], "These workloads of reference have one: rooms"),
        (["--format", "morse"], "expected chat.format to be one of text, json, got 'morse'"),
    ],
)
def test_an_option_without_effect_on_the_workload_is_reported(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *words]) == ExitCode.USAGE
    assert message in capsys.readouterr().err


def test_rooms_and_formats_are_settings_of_the_workload() -> None:
    words = ["bench", "--channels", "reference", "--workload", "rooms", "--rooms", "3", "--set", "chat.format=json"]
    context = CommandContext(parse_command(words).options)
    assert context.settings == {"chat.format": "json", "rooms.rooms": "3"}
    assert context.workloads["rooms"].rooms == 3


def test_a_warm_up_of_zero_is_accepted() -> None:
    assert plan_of(CommandContext(parse_command(["bench", "--warmup", "0"]).options)).warmup_s == 0

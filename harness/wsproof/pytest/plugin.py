"""The pytest plugin: options that begin with `--ws-`, fixtures that begin with `ws_`.

Loading the plugin imports only pytest and changes no other test. The fixtures import the harness on first use.
"""

from __future__ import annotations

import re
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from wsproof.model.finding import Finding
    from wsproof.model.suite import SuiteOptions
    from wsproof.net.budget import Budget
    from wsproof.pytest.fanout import Fanout
    from wsproof.target.server import RunningServer
    from wsproof.target.target import Target
    from wsproof.workloads import Workload

REPEATED = {"action": "append", "default": [], "metavar": "TEXT"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of `wsproof check` and `wsproof bench`, with the prefix `--ws-`."""
    group = parser.getgroup("wsproof", "wsproof: WebSocket protocol, delivery and fan-out")
    add = group.addoption
    add("--ws-target", metavar="TARGET", help="ws:// URL, pkg.module:app, cmd:..., or nothing: the reference server")
    add("--ws-server", default="auto", metavar="NAME", help="the server that runs an app (see `wsproof list servers`)")
    add("--ws-path", metavar="PATH", help="the WebSocket path to test at the wire level")
    add("--ws-ready", metavar="URL", help="with cmd: targets: where the server answers once it is up")
    add("--ws-env", **REPEATED, help="KEY=VALUE for the server that is started")
    add("--ws-header", **REPEATED, help="a header for every handshake, 'Name: value'")
    add("--ws-subprotocol", **REPEATED, help="a subprotocol to offer")
    add("--ws-origin", metavar="ORIGIN", help="the Origin header to send")
    add("--ws-token", metavar="TOKEN", help="a bearer token to send; never shown")
    add("--ws-ca", metavar="FILE", help="certificates to trust for wss://")
    add("--ws-insecure", action="store_true", help="do not verify certificates")
    add("--ws-remote", action="store_true", help="allow a target that is not on loopback")
    add("--ws-metrics-url", metavar="URL", help="where a target that runs elsewhere says what it uses (Prometheus)")
    add("--ws-metrics-token", metavar="TOKEN", help="a bearer token for it, which --ws-token never is; never shown")
    add("--ws-channels", metavar="C", help="what lives where: tutorial, reference, or pkg.module of workloads")
    add("--ws-set", **REPEATED, help="KEY=VALUE, a parameter of the channels (dashboard.period=0.1)")
    add("--ws-seed", type=int, default=0, metavar="N", help="seed of all generated traffic (default 0)")
    add("--ws-examples", type=int, metavar="N", help="generated examples per property")
    add(
        "--ws-budget",
        type=seconds_or_no_limit,
        default="60",
        metavar="S",
        help="time limit in seconds of the shipped suites together (default 60; none: no limit)",
    )
    add("--ws-sample", type=message, metavar="TEXT", help="a text message that the endpoint accepts (or hex:00ff)")
    add("--ws-login", **REPEATED, help="a message to send first on every connection, to log in (or hex:00ff)")
    add("--ws-strict", action="store_true", help="non-strict findings fail, too")
    add("--ws-strict-trust", action="store_true", help="fan-out benchmarks fail, too, where any figure is void")
    add(
        "--ws-known-deviations",
        "--ws-accepted",
        dest="ws_known_deviations",
        type=Path,
        metavar="FILE",
        help="known deviations of this server, with their reasons (a TOML file)",
    )
    add("--ws-server-hint", metavar="NAME", help="the server library that the target runs on: its deviations are known")
    add(
        "--ws-subscribers",
        type=subscriber_counts,
        default="1,10,100,1000",
        metavar="N,N",
        help="how many subscribers the fan-out benchmarks have (default %(default)s)",
    )


def as_pytest_says(message: str, config: pytest.Config) -> str:
    """Rewrite the options in a message of wsproof as pytest options: `--path` becomes `--ws-path`."""
    message = message.replace("no TARGET was given", "no --ws-target was given")
    known = set(vars(config.option))

    def here(option: re.Match[str]) -> str:
        return f"--ws-{option[1]}" if f"ws_{option[1].replace('-', '_')}" in known else option[0]

    return re.sub(r"(?<![\w-])--(?!ws-)([a-z][a-z-]*)", here, message)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test that uses `ws_` fixtures with one sentence and no traceback, if it raises a UsageError."""
    try:
        return (yield)
    except Exception as error:
        errors = sys.modules.get("wsproof.errors")
        ours = any(name.startswith("ws_") for name in getattr(item, "fixturenames", ()))
        if errors is None or not ours or not isinstance(error, errors.UsageError):
            raise
        said = as_pytest_says(str(error), item.config)
    pytest.fail(said, pytrace=False)


@pytest.fixture(scope="session")
def ws_settings(pytestconfig: pytest.Config, ws_target_spec: Target) -> dict[str, str]:
    """The settings of `--ws-set`. The reference server defaults to a faster feed."""
    from wsproof.session.quick_settings import quickened
    from wsproof.workloads import parse_settings

    return quickened(parse_settings(pytestconfig.getoption("ws_set")), ws_target_spec)


@pytest.fixture(scope="session")
def ws_channels(pytestconfig: pytest.Config, ws_target_spec: Target) -> str:
    """The name of the channels. Defaults to `tutorial` for the reference server; other targets skip the test."""
    channels = channels_named(pytestconfig, ws_target_spec)
    if channels is None:
        pytest.skip("what lives where at this target? Say it: --ws-channels tutorial, or a module of workloads")
    return channels


def channels_named(config: pytest.Config, target: Target) -> str | None:
    """The name given by `--ws-channels`, or `tutorial` for the reference server, else None."""
    named: str | None = config.getoption("ws_channels")
    return named or ("tutorial" if target.is_reference else None)


@pytest.fixture(scope="session")
def ws_workloads(pytestconfig: pytest.Config, ws_channels: str, ws_settings: dict[str, str]) -> dict[str, Workload]:
    """The workloads of the channels, by name."""
    from wsproof.errors import UsageError
    from wsproof.workloads import load_channels, warn_of_oddities

    try:
        workloads = load_channels(ws_channels, ws_settings)
    except UsageError as error:
        pytest.exit(as_pytest_says(str(error), pytestconfig), returncode=2)
    warn_of_oddities(workloads.values())
    return workloads


@pytest.fixture(scope="session")
def ws_suite_options(pytestconfig: pytest.Config) -> SuiteOptions:
    """The options of the shipped suites."""
    from wsproof.model.suite import SuiteOptions

    option: Any = pytestconfig.getoption
    options = SuiteOptions(
        seed=option("ws_seed"),
        strict=option("ws_strict"),
        sample=option("ws_sample"),
        login=tuple(map(message, option("ws_login"))),
    )
    examples: int | None = pytestconfig.getoption("ws_examples")
    return options if examples is None else options.but(examples=examples)


@pytest.fixture(scope="session")
def ws_budget(pytestconfig: pytest.Config) -> Budget:
    """The time limit of the shipped suites together. It starts with the first test that uses it."""
    from wsproof.net.budget import Budget

    return Budget(pytestconfig.getoption("ws_budget"))


@pytest.fixture(scope="session")
def ws_target_spec(pytestconfig: pytest.Config) -> Target:
    """The target of the command line, parsed but not started."""
    from wsproof.errors import UsageError
    from wsproof.target.target import parse_target

    option: Any = pytestconfig.getoption
    try:
        return parse_target(
            option("ws_target"),
            server=option("ws_server"),
            path=option("ws_path"),
            ready=option("ws_ready"),
            env=option("ws_env"),
            headers=option("ws_header"),
            subprotocols=option("ws_subprotocol"),
            origin=option("ws_origin"),
            token=option("ws_token"),
            ca=option("ws_ca"),
            insecure=option("ws_insecure"),
            metrics_url=option("ws_metrics_url"),
            metrics_token=option("ws_metrics_token"),
            remote=option("ws_remote"),
            known_deviations=option("ws_known_deviations"),
            server_hint=option("ws_server_hint"),
        )
    except UsageError as error:
        pytest.exit(as_pytest_says(str(error), pytestconfig), returncode=2)


@pytest.fixture(scope="session")
def ws_target(
    request: pytest.FixtureRequest, ws_target_spec: Target, ws_settings: dict[str, str]
) -> Iterator[RunningServer]:
    """The running target: started here on a free loopback port, or the URL that was named."""
    from wsproof.errors import UsageError
    from wsproof.machine.fd_limits import most_connections
    from wsproof.target.introspect import resolve_path
    from wsproof.target.server import serve
    from wsproof.workloads import environment_of, load_channels

    channels = channels_named(request.config, ws_target_spec)
    workloads = load_channels(channels, ws_settings) if channels else {}
    target = ws_target_spec.at_wire_path(workloads)
    try:
        # Cap the number at this machine's limit. Only the benchmark may fail for too many, not the other tests.
        most = min(max(request.config.getoption("ws_subscribers")), most_connections())
        with serve(resolve_path(target), extra_env=environment_of(workloads), connections=most) as server:
            yield server
    except UsageError as error:
        pytest.exit(as_pytest_says(str(error), request.config), returncode=2)


@pytest.fixture(scope="session")
def ws_keep(
    pytestconfig: pytest.Config, ws_target: RunningServer, ws_settings: dict[str, str]
) -> Iterator[Callable[[Finding], Finding]]:
    """A function that keeps a finding in this session's run, and returns it with its `wsproof replay` command.

    The first finding begins the run, so a session without findings leaves no run.
    """
    from wsproof.net.redact import hide_in, redact_settings
    from wsproof.session.run_recorder import kept_findings

    channels = channels_named(pytestconfig, ws_target.target)
    described = {**ws_target.describe(), "channels": channels, "settings": redact_settings(ws_settings)}
    with kept_findings("pytest", described) as keep:
        yield lambda finding: keep(hide_in(finding, ws_target.target.secrets))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Time each test that uses `ws_fanout` with a virtual clock, set by a marker that pytest-benchmark reads."""
    if "ws_fanout" in getattr(item, "fixturenames", ()):
        from wsproof.pytest.fanout import CLOCK, VirtualClock

        clock = item.stash[CLOCK] = VirtualClock()
        item.add_marker(pytest.mark.benchmark(timer=clock.now))


@pytest.fixture
def ws_fanout(
    request: pytest.FixtureRequest,
    benchmark: Any,
    ws_target: RunningServer,
    ws_channels: str,
    ws_settings: dict[str, str],
) -> Fanout:
    """Time broadcasts to N subscribers of the target with pytest-benchmark. See `wsproof.pytest.fanout`."""
    from wsproof.pytest.fanout import CLOCK, Fanout

    clock = request.node.stash[CLOCK]
    strict: bool = request.config.getoption("ws_strict_trust")
    return Fanout(benchmark, clock, ws_target, ws_channels, ws_settings, strict_trust=strict)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that uses `ws_subscribers` once per number of `--ws-subscribers`."""
    if "ws_subscribers" in metafunc.fixturenames:
        metafunc.parametrize("ws_subscribers", metafunc.config.getoption("ws_subscribers"))


def message(text: str) -> str | bytes:
    """Parse a message as `wsproof check --sample` does: text, or binary as `hex:00ff`."""
    from wsproof.cli.options import message as parse

    return parse(text)


def seconds_or_no_limit(text: str) -> float | None:
    """Parse seconds such as `"60"`. `none` means no limit and gives None.

    Raises:
        argparse.ArgumentTypeError: the text is neither seconds nor `none`.
    """
    if text == "none":
        return None
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ArgumentTypeError(f"expected seconds such as 60, or none; got {text!r}")
    return seconds


def subscriber_counts(text: str) -> list[int]:
    """Parse numbers such as `"1,10,100"`.

    Raises:
        argparse.ArgumentTypeError: an item is not a whole number above 0.
    """
    words = text.split(",")
    if not all(word.isdecimal() and int(word) for word in words):
        raise ArgumentTypeError(f"expected whole numbers above 0, such as 1,10,100; got {text!r}")
    return [int(word) for word in words]

"""The pytest plugin: options that begin with `--ws-`, fixtures that begin with `ws_`.

Loading the plugin imports no package but pytest, and of wsproof only the table of options. It changes no other test.
The fixtures import the rest on first use.
"""

from __future__ import annotations

import math
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from wsproof.session.option import destination, options_in, read_options, with_prefix
from wsproof.session.options import IN_PYTEST, PytestOptions

if TYPE_CHECKING:
    from wsproof.model.finding import Finding
    from wsproof.model.suite import SuiteOptions
    from wsproof.net.budget import Budget
    from wsproof.pytest.connections import Connections
    from wsproof.pytest.fanout import Fanout
    from wsproof.pytest.openers import WsClients, WsPeers
    from wsproof.pytest.room import WsRooms
    from wsproof.pytest.server import WsServer
    from wsproof.session.context import CommandContext
    from wsproof.target.server import RunningServer
    from wsproof.target.target import Target
    from wsproof.workloads import Workload

PREFIX = "ws-"
"""All options of the plugin begin with `--ws-`."""
CONNECTIONS: pytest.StashKey[Connections] = pytest.StashKey()
"""Stash key of the connections that a test has opened."""
OUTPUT: pytest.StashKey[Callable[[], list[str]]] = pytest.StashKey()
"""Stash key of a function that returns what the server wrote during the test."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of `wsproof check`, and those of `wsproof bench` that a fixture needs."""
    group = parser.getgroup("wsproof", "wsproof: WebSocket protocol, delivery and fan-out")
    table = options_in(PytestOptions)
    for name in IN_PYTEST:
        flags, keywords = table[name].arguments(name, PREFIX)
        group.addoption(*flags, **keywords)
    group.addoption(
        "--ws-subscribers",
        type=subscriber_counts,
        default="1,10,100,1000",
        metavar="N,N",
        help="how many subscribers the fan-out benchmarks have (default %(default)s)",
    )


def options_of(config: pytest.Config) -> PytestOptions:
    """The options of this pytest run: those of its command line, else those of `[tool.wsproof]` in pyproject.toml."""
    from wsproof.session.option import from_text
    from wsproof.session.project_file import read_project_file

    table = options_in(PytestOptions)
    command_line = vars(config.option)
    file_options = read_project_file(config.rootpath).options(
        "pytest", PytestOptions, command_line[destination("target", PREFIX)]
    )
    values = {
        destination(name, PREFIX): from_text(name, table[name], file_options[name])
        for name in IN_PYTEST
        if name in file_options and table[name].is_initial(command_line[destination(name, PREFIX)])
    }
    return read_options(PytestOptions, {**command_line, **values}, IN_PYTEST, PREFIX)


def with_pytest_options(message: str) -> str:
    """Rewrite the options in a message of wsproof as pytest options: `--path` becomes `--ws-path`."""
    message = message.replace("no TARGET was given", "no --ws-target was given")
    return with_prefix(message, PytestOptions, IN_PYTEST, PREFIX)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Report a UsageError of a `ws_` fixture as one sentence."""
    with _fail_on_usage_error(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test whose server broke the protocol; report a UsageError of a `ws_` fixture as one sentence."""
    with _fail_on_usage_error(item):
        result = yield
    _fail_on_violations(item)
    return result


@contextmanager
def _fail_on_usage_error(item: pytest.Item) -> Iterator[None]:
    """Context manager that fails the test with one sentence on a UsageError of a `ws_` fixture."""
    try:
        yield
    except Exception as error:
        errors = sys.modules.get("wsproof.errors")
        ours = any(name.startswith("ws_") for name in getattr(item, "fixturenames", ()))
        if errors is None or not ours or not isinstance(error, errors.UsageError):
            raise
        message = with_pytest_options(str(error))
    else:
        return
    pytest.fail(message, pytrace=False)


def _fail_on_violations(item: pytest.Item) -> None:
    """Fail the test if the server broke the protocol on a connection of `ws_client`."""
    connections = item.stash.get(CONNECTIONS, None)
    violations = connections.violations() if connections is not None else []
    if violations:
        from wsproof.model.chapter import with_document

        lines = [
            f"{each.check} ({with_document(each.section)}): {each.explanation}\n    {each.witness[0]}"
            for each in violations
        ]
        pytest.fail("the server broke the protocol\n" + "\n".join(lines), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Show the frames of `ws_client` and `ws_peer`, and what the server wrote, below a failure."""
    report: Any = yield
    if report.failed:
        connections, mark = item.stash.get(CONNECTIONS, None), item.stash.get(OUTPUT, None)
        if connections is not None:
            report.sections += connections.logs()
        lines = mark() if mark is not None else []
        if lines:
            report.sections.append(("what the server wrote", "\n".join(lines)))
    return report  # type: ignore[no-any-return]


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove the plugin of Hypothesis from a run that never used it, because its summary imports all of Hypothesis.

    With xdist the plugin stays, because the workers may have used Hypothesis.
    """
    manager, config = session.config.pluginmanager, session.config
    is_used = "hypothesis" in sys.modules or config.getoption("--hypothesis-show-statistics", False)
    if not is_used and not manager.hasplugin("dsession") and manager.hasplugin("hypothesispytest"):
        manager.unregister(name="hypothesispytest")


@pytest.fixture(scope="session")
def ws_context(pytestconfig: pytest.Config) -> CommandContext[PytestOptions]:
    """The options of this pytest run with the target, the channels and the settings that they describe."""
    from wsproof.session.context import CommandContext

    with exit_on_usage_error():
        context = CommandContext(options_of(pytestconfig))
        _ = context.target, context.workloads
    return context


@contextmanager
def exit_on_usage_error() -> Iterator[None]:
    """Context manager that ends pytest with one line and exit code 2 on a UsageError."""
    from wsproof.errors import UsageError

    try:
        yield
    except UsageError as error:
        pytest.exit(with_pytest_options(str(error)), returncode=2)


@pytest.fixture(scope="session")
def ws_target_spec(ws_context: CommandContext[PytestOptions]) -> Target:
    """The target of the command line, parsed but not started."""
    return ws_context.target


@pytest.fixture(scope="session")
def ws_settings(ws_context: CommandContext[PytestOptions]) -> dict[str, str]:
    """The settings of `--ws-set`. The reference server defaults to a faster feed."""
    return ws_context.settings


@pytest.fixture(scope="session")
def ws_channels(ws_context: CommandContext[PytestOptions]) -> str:
    """The name of the channels. Defaults to `tutorial` for the reference server; other targets skip the test."""
    if ws_context.channels is None:
        pytest.skip("no channels given: pass --ws-channels tutorial, or a module with WORKLOADS")
    return ws_context.channels


@pytest.fixture(scope="session")
def ws_workloads(ws_context: CommandContext[PytestOptions], ws_channels: str) -> dict[str, Workload]:
    """The workloads of the channels, by name."""
    return ws_context.workloads


@pytest.fixture(scope="session")
def ws_suite_options(ws_context: CommandContext[PytestOptions]) -> SuiteOptions:
    """The options of the shipped suites."""
    from wsproof.session.check import suite_options

    return suite_options(ws_context.options)


@pytest.fixture(scope="session")
def ws_budget(ws_context: CommandContext[PytestOptions]) -> Budget:
    """The time limit of the shipped suites together. It starts with the first test that uses it."""
    from wsproof.net.budget import Budget

    seconds = ws_context.options.budget
    return Budget(None if seconds is None or math.isinf(seconds) else seconds)


@pytest.fixture(scope="session")
def ws_running(request: pytest.FixtureRequest, ws_context: CommandContext[PytestOptions]) -> Iterator[RunningServer]:
    """The running target, even if its app has several paths: started once per session, or the URL."""
    from wsproof.errors import TargetError, UsageError
    from wsproof.machine.fd_limits import most_connections

    # Cap the number at this machine's limit: too many subscribers must fail only the benchmark, not the other tests.
    most = min(max(request.config.getoption("ws_subscribers")), most_connections())
    try:
        ws_context.wire_target()
        is_path_known = True
    except (TargetError, UsageError):
        is_path_known = False
    with exit_on_usage_error(), ws_context.running(wire=is_path_known, connections=most) as server:
        yield server


@pytest.fixture(scope="session")
def ws_target(ws_context: CommandContext[PytestOptions], ws_running: RunningServer) -> RunningServer:
    """The running target with one WebSocket path, which the shipped suites and `ws_fanout` need."""
    with exit_on_usage_error():
        ws_context.wire_target()
    return ws_running


@pytest.fixture(scope="session")
def ws_server(ws_running: RunningServer) -> WsServer:
    """The server under test: its `url`, `http_url`, `port`, `pid`, `output()` and `restart()`."""
    from wsproof.pytest.server import WsServer

    return WsServer(ws_running)


@pytest.fixture
def ws_output(request: pytest.FixtureRequest, ws_running: RunningServer) -> Callable[[], list[str]]:
    """A function that returns the lines that the server wrote since the test began. A failure shows them."""
    from wsproof.target.output_tail import OutputWatch

    first = ws_running.output
    watch = OutputWatch(first) if first is not None else None

    def lines() -> list[str]:
        latest = ws_running.output
        after_restart = latest.since(0) if latest is not None and latest is not first else []
        return [*(watch.lines() if watch is not None else []), *after_restart]

    request.node.stash[OUTPUT] = lines
    return lines


@pytest.fixture
def ws_connections(
    request: pytest.FixtureRequest,
    ws_context: CommandContext[PytestOptions],
    ws_running: RunningServer,
    ws_output: Callable[[], list[str]],
) -> Iterator[Connections]:
    """The connections of `ws_client` and `ws_peer`, closed at the end of the test."""
    from wsproof.net.endpoint import Endpoint
    from wsproof.pytest.connections import Connections

    def find_endpoint(path: str | None) -> Endpoint:
        if path is not None:
            return ws_running.endpoint.channel(path)
        ws_context.wire_target()
        return ws_running.endpoint

    connections = request.node.stash[CONNECTIONS] = Connections(find_endpoint, ws_running)
    yield connections
    connections.close()


@pytest.fixture
def ws_client(ws_connections: Connections) -> WsClients:
    """Open clients, one or several: `ws_client("/ws/alice")`. Every wait has a timeout, every frame is audited."""
    from wsproof.pytest.openers import WsClients

    return WsClients(ws_connections)


@pytest.fixture
def ws_peer(ws_connections: Connections) -> WsPeers:
    """Open connections at the wire level, which may send any bytes: `ws_peer("/ws").send_raw(b"...")`."""
    from wsproof.pytest.openers import WsPeers

    return WsPeers(ws_connections)


@pytest.fixture
def ws_room(
    ws_context: CommandContext[PytestOptions], ws_running: RunningServer, ws_output: Callable[[], list[str]]
) -> Iterator[WsRooms]:
    """Open rooms: `room = ws_room(10)` lets ten members of a channel join; `room.assert_delivered()` judges."""
    from wsproof.pytest.room import WsRooms

    ws_context.needed_channels()
    workloads = ws_context.workloads
    rooms = WsRooms(ws_running, workloads, next(iter(workloads)) if len(workloads) == 1 else "chat")
    yield rooms
    rooms.close()


@pytest.fixture(scope="session")
def ws_keep(
    ws_context: CommandContext[PytestOptions], ws_target: RunningServer
) -> Iterator[Callable[[Finding], Finding]]:
    """A function that stores a finding in this session's run, and returns it with its `wsproof replay` command.

    The first finding creates the run, so a session without findings leaves no run.
    """
    from wsproof.net.redact import hide_in
    from wsproof.session.run_recorder import kept_findings

    with kept_findings("pytest", ws_context.describe(ws_target)) as keep:
        yield lambda finding: keep(hide_in(finding, ws_context.secrets))


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
    ws_context: CommandContext[PytestOptions],
) -> Fanout:
    """Time broadcasts to N subscribers of the target with pytest-benchmark. See `wsproof.pytest.fanout`."""
    from wsproof.pytest.fanout import CLOCK, Fanout
    from wsproof.session.question import Question
    from wsproof.stats.objective import parse_objective

    clock, options = request.node.stash[CLOCK], ws_context.options
    question = Question(tuple(map(parse_objective, options.slo)), options.strict_trust)
    return Fanout(benchmark, clock, ws_target, ws_channels, ws_context.settings, question)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that uses `ws_subscribers` once per number of `--ws-subscribers`."""
    if "ws_subscribers" in metafunc.fixturenames:
        metafunc.parametrize("ws_subscribers", metafunc.config.getoption("ws_subscribers"))


def subscriber_counts(text: str) -> list[int]:
    """Parse numbers such as `"1,10,100"`.

    Raises:
        argparse.ArgumentTypeError: an item is not a whole number above 0.
    """
    items = text.split(",")
    if not all(item.isdecimal() and int(item) for item in items):
        raise ArgumentTypeError(f"expected whole numbers above 0, such as 1,10,100; got {text!r}")
    return [int(item) for item in items]

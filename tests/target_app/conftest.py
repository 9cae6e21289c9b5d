"""Fixtures with real server processes, and with peers that behave well or badly."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack

import pytest
from websockets.sync.client import ClientConnection

from tests.target_app.browsing import browser, context, kept_window, new_context, window
from tests.target_app.peers import TINY_BUFFER, RawPeer
from tests.target_app.server import Server, alive, running

__all__ = ["browser", "context", "kept_window", "new_context", "window"]

StartServer = Callable[..., Server]
Enter = Callable[[Server, str], ClientConnection]
EnterRaw = Callable[[Server, str], RawPeer]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the log of its servers to the report of a failed test, since their files are deleted before it is read."""
    report = yield
    if report.failed:
        report.sections += [("log of a server", server.log_tail()) for server in alive]
    return report


@pytest.fixture
def start_server() -> Iterator[StartServer]:
    """Start servers with `target_app` settings as keywords. All are stopped after the test."""
    with ExitStack() as stack:

        def start(app: str = "target_app", *, tracebacks_expected: str | None = None, **settings: object) -> Server:
            return stack.enter_context(running(app, settings, tracebacks_expected=tracebacks_expected))

        yield start


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Run one reference server for all tests of a module that need no settings of their own."""
    with running("target_app", {"dashboard_period": 0.1}) as started:
        yield started


@pytest.fixture
def enter() -> Iterator[Enter]:
    """Connect well-behaved clients. They are closed after the test at the latest."""
    with ExitStack() as stack:
        yield lambda server, path: stack.enter_context(server.connect(path))


@pytest.fixture
def raw() -> Iterator[EnterRaw]:
    """Connect peers that send and read nothing by themselves."""
    with ExitStack() as stack:
        yield lambda server, path: stack.enter_context(RawPeer(server, path))


@pytest.fixture
def stalled() -> Iterator[EnterRaw]:
    """Connect peers with a tiny receive buffer that never read."""
    with ExitStack() as stack:
        yield lambda server, path: stack.enter_context(RawPeer(server, path, TINY_BUFFER))

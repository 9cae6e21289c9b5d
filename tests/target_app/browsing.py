"""Fixtures for the pages in a real browser. `conftest.py` makes them available to all tests here."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, WebError, expect, sync_playwright

from tests.target_app.server import DEADLINE, Server

CHROMIUM = Path("/usr/bin/chromium")
GET_CHROMIUM = "apt-get update && apt-get install -y chromium"
OWN_NAME = socket.gethostname().lower()
"""A name of this machine. Browsers do not trust it like `localhost`."""
LAN_ADDRESS = "192.0.2.7"
"""An address outside of the loopback range (RFC 5737). The browser connects to loopback instead."""
ARGUMENTS = [
    f"--host-resolver-rules=MAP {OWN_NAME} 127.0.0.1,MAP {LAN_ADDRESS} 127.0.0.1",
    "--no-sandbox",
    "--disable-gpu",
    "--in-process-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP: ViewportSize = {"width": 1280, "height": 720}
"""The default of Playwright."""
PHONE: ViewportSize = {"width": 360, "height": 640}
STILL: dict[str, Any] = {"reduced_motion": "reduce", "viewport": {"width": 800, "height": 600}}
"""Options of a context for a game that is watched for long: it is painted once per tick, and not in every frame."""

NewContext = Callable[..., BrowserContext]

expect.set_options(timeout=DEADLINE * 1000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run Chromium. If it is missing, the test is skipped, or fails if WSPROOF_REQUIRE_ALL is set."""
    if not CHROMIUM.exists():
        missing = f"the pages are tested with {CHROMIUM}, which is not here; get it with: {GET_CHROMIUM}"
        if os.environ.get("WSPROOF_REQUIRE_ALL") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture
def new_context(browser: Browser) -> Iterator[NewContext]:
    """Return a factory for separate browser contexts, one per user, that takes the options of a context.

    An error in a page's script fails the test.
    """
    opened: list[BrowserContext] = []
    errors: list[str] = []

    def new(**options: Any) -> BrowserContext:
        context = browser.new_context(**options)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        opened.append(context)
        return context

    yield new
    for context in opened:
        context.close()
    assert errors == []


@pytest.fixture
def context(new_context: NewContext) -> BrowserContext:
    """The browser windows of one user."""
    return new_context()


@pytest.fixture(scope="module")
def kept_window(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def window(kept_window: Page) -> Iterator[Page]:
    """The one window in which the tests of a module open their pages in turn, each as a new user.

    A new window is a new process, which takes longer than all the rest of a short test.
    """
    errors: list[str] = []

    def note(error: WebError) -> None:
        errors.append(str(error.error))

    kept_window.context.on("weberror", note)
    yield kept_window
    kept_window.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
    kept_window.goto("about:blank")
    kept_window.context.clear_cookies()
    kept_window.set_viewport_size(DESKTOP)
    kept_window.emulate_media(color_scheme="null")
    kept_window.context.remove_listener("weberror", note)
    assert errors == []


def open_page(windows: BrowserContext | Page, server: Server, path: str) -> Page:
    """Open a page in a new window of a user, or in the window given."""
    page = windows if isinstance(windows, Page) else windows.new_page()
    page.goto(server.url(path, "http"))
    return page


def open_signed_in(windows: BrowserContext | Page, server: Server, path: str, token: str) -> Page:
    """Open a page as a user who has signed in before."""
    context = windows.context if isinstance(windows, Page) else windows
    context.add_cookies([{"name": "target_app_token", "value": token, "url": server.url("", "http")}])
    return open_page(windows, server, path)


def expect_connected(page: Page) -> None:
    expect(page.locator("#status")).to_have_text("Connected")


def say(page: Page, text: str) -> None:
    """Send a text in a chat, a room or to the echo."""
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")

"""Tests of the pages of a server that is mounted below a path (`--root-path`)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from target_app.web import NAVIGATION
from tests.target_app.browsing import expect_connected, open_page, open_signed_in, say
from tests.target_app.mounted import BELOW
from tests.target_app.people import SECRET, make_token
from tests.target_app.server import Server, running

BLOCKED = """
window.WebSocket = class extends EventTarget {
  static CONNECTING = 0; static OPEN = 1; static CLOSED = 3;
  constructor() {
    super();
    this.addEventListener("close", (event) => this.onclose(event));
    setTimeout(() => this.dispatchEvent(Object.assign(new Event("close"), { code: 1006, reason: "" })));
  }
  close() {}
};
"""
"""A script that replaces WebSockets by some that never open."""
LINK = re.compile(r'(?:href|src)="(/[^"]*)"')


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("tests.target_app.mounted:app", {"dashboard_period": 0.1, "secret": SECRET}) as started:
        yield started


@pytest.mark.parametrize("path", ["/", "/pages/login", *NAVIGATION])
def test_every_link_and_script_of_a_page_is_found_below_the_path(server: Server, path: str) -> None:
    page = server.get(f"{BELOW}{path}")
    assert page.status_code == 200
    links = LINK.findall(page.text)
    assert [link for link in links if not link.startswith(f"{BELOW}/")] == []
    assert [link for link in links if ".js" in link and server.get(link).status_code != 200] == []
    current = re.findall(r'href="([^"]*)" aria-current="page"', page.text)
    assert current == ([f"{BELOW}{path}"] if path in NAVIGATION else [])


def test_a_user_signs_in_and_talks_below_the_path(window: Page, server: Server) -> None:
    page = open_page(window, server, f"{BELOW}/pages/rooms?room=tea")
    expect(page).to_have_url(re.compile(f"{BELOW}/pages/login"))
    expect(page.get_by_role("button", name="Sign in")).to_be_enabled()
    page.get_by_label("Name", exact=True).fill("admin")
    page.get_by_label("Password").fill("admin")
    page.keyboard.press("Enter")
    expect_connected(page)
    say(page, "hello")
    expect(page.locator(".mine.placed")).to_have_text("hello")
    for path in ("/pages/echo", "/pages/dashboard", "/pages/draw", "/pages/game", "/pages/notifications"):
        open_page(window, server, f"{BELOW}{path}")
        expect_connected(page)
    open_page(window, server, f"{BELOW}/docs")
    expect(page.locator("#status")).to_have_text("Complete")
    open_page(window, server, f"{BELOW}/admin")
    expect(page.locator("#status")).to_have_text("Up to date")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(server.url(f"{BELOW}/pages/login", "http"))


def test_alerts_without_websockets_go_up_and_down_below_the_path(context: BrowserContext, server: Server) -> None:
    context.add_init_script(BLOCKED)
    page = open_signed_in(context, server, f"{BELOW}/pages/notifications", make_token("admin", roles=("admin",)))
    expect(page.get_by_role("status").first).to_have_text("Connected over HTTP: WebSockets are blocked")
    page.get_by_label("Name of the user").fill("admin")
    page.get_by_label("Text").fill("note to self")
    page.keyboard.press("Enter")
    expect(page.locator(".alerts .body")).to_have_text("note to self")

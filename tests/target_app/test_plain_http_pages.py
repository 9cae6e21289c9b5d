"""Tests of signing in over plain HTTP under names that Chromium does not trust like loopback: it then sends no
Sec-Fetch-Site, and the page is not a secure context."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.slow import slow_except
from tests.target_app.browsing import LAN_ADDRESS, OWN_NAME, expect_connected, say
from tests.target_app.server import Server, running

PLACES = [OWN_NAME, LAN_ADDRESS]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("target_app", {}) as started:
        yield started


def url(server: Server, place: str, path: str) -> str:
    return f"http://{place}:{server.port}{path}"


def sign_in(page: Page) -> None:
    expect(page.get_by_role("button", name="Sign in")).to_be_enabled()
    page.get_by_label("Name", exact=True).fill("user")
    page.get_by_label("Password").fill("user")
    page.keyboard.press("Enter")


@pytest.mark.parametrize("place", slow_except(PLACES, OWN_NAME))
def test_a_user_stays_signed_in_and_can_sign_out(window: Page, server: Server, place: str) -> None:
    page = window
    page.goto(url(server, place, f"/pages/rooms?room={place}"))
    sign_in(page)
    expect_connected(page)
    assert page.evaluate("window.isSecureContext") is False
    say(page, "hello")
    expect(page.locator(".mine.placed")).to_have_text("hello")
    page.reload()
    expect_connected(page)
    expect(page.locator("#account strong")).to_have_text("user")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.reload()
    expect(page.locator("#status")).to_have_text("Not signed in")


@pytest.mark.parametrize("place", slow_except(PLACES, OWN_NAME))
def test_an_administrator_uses_the_admin_commands(window: Page, server: Server, place: str) -> None:
    page = window
    page.goto(url(server, place, "/admin"))
    page.get_by_label("Name of an administrator").fill("admin")
    page.get_by_label("Password").fill("admin")
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_have_text("Up to date")
    page.get_by_label("Announcement").fill("a word to all")
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_have_text("Announced")


def test_the_page_says_when_the_browser_keeps_no_session(context: BrowserContext, server: Server) -> None:
    page = context.new_page()
    page.route("**/auth/me", lambda route: route.fulfill(status=401))
    page.goto(url(server, OWN_NAME, "/pages/login"))
    sign_in(page)
    expect(page.get_by_role("alert")).to_contain_text("the browser did not keep the session")

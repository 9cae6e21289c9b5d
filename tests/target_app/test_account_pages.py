"""Tests of the elements common to all pages: the signed-in user, and the reason of a refused connection."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from target_app.web import NAVIGATION
from tests.slow import slow_except
from tests.target_app.browsing import expect_connected, open_page, open_signed_in, say
from tests.target_app.conftest import Enter, StartServer
from tests.target_app.people import SECRET, make_token, users_with
from tests.target_app.server import Server, running

PAGES = ("/", *NAVIGATION, "/pages/login")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("target_app", {"secret": SECRET, "users": users_with(admins=("ada",))}) as started:
        yield started


@pytest.mark.parametrize("path", slow_except(PAGES, "/", "/pages/rooms"))
def test_every_page_shows_the_signed_in_user_and_a_sign_out(window: Page, server: Server, path: str) -> None:
    page = open_signed_in(window, server, path, make_token("ada", roles=("admin",)))
    expect(page.locator("#account strong")).to_have_text("ada")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(server.url("/pages/login", "http"))
    expect(page.locator("#status")).to_have_text("Not signed in")


def test_a_public_page_offers_to_sign_in_and_returns(window: Page, server: Server) -> None:
    page = open_page(window, server, "/pages/echo")
    page.get_by_role("link", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_enabled()  # before that, Enter sends nothing
    page.get_by_label("Name").fill("user")
    page.get_by_label("Password").fill("user")
    page.keyboard.press("Enter")
    expect(page).to_have_url(server.url("/pages/echo", "http"))
    expect(page.locator("#account strong")).to_have_text("user")


def test_no_text_of_the_documentation_has_raw_backticks(window: Page, server: Server) -> None:
    page = open_page(window, server, "/docs")
    expect(page.locator("#status")).to_have_text("Complete")
    page.evaluate("document.querySelectorAll('details').forEach((entry) => (entry.open = true))")
    assert "`" not in page.locator("main").inner_text()


def test_json_and_binary_can_be_tried(window: Page, server: Server) -> None:
    page = open_page(window, server, "/pages/echo")
    expect_connected(page)
    page.get_by_label("Kind of data").select_option("JSON")
    expect_connected(page)
    say(page, '{"a": [1, 2.50]}')
    expect(page.locator(".theirs")).to_have_text('{"received": {"a": [1, 2.50]}}')
    say(page, "{")
    expect(page.locator("#problem")).to_contain_text("Not JSON")
    page.get_by_label("Kind of data").select_option("Binary")
    expect_connected(page)
    say(page, "00ff 10")
    expect(page.locator(".theirs").last).to_have_text("00 ff 10")
    say(page, "no bytes")
    expect(page.locator("#problem")).to_contain_text("hexadecimal")


def test_a_page_says_that_its_origin_is_not_allowed(window: Page, start_server: StartServer) -> None:
    server = start_server(allowed_origins="http://elsewhere.example")
    page = open_page(window, server, "/pages/echo")
    expect(page.locator("#status")).to_contain_text("the server takes no connections from pages of http://127.0.0.1")


def test_a_page_says_that_its_host_name_is_not_allowed(window: Page, start_server: StartServer) -> None:
    server = start_server()
    page = window
    page.goto(server.url("/pages/echo", "http").replace("127.0.0.1", "elsewhere.localhost"))
    expect(page.locator("body")).to_contain_text("is not a name of this server")


def test_a_page_says_that_the_server_is_full(window: Page, start_server: StartServer, enter: Enter) -> None:
    server = start_server(max_connections=1)
    enter(server, "/ws")
    page = open_page(window, server, "/pages/echo")
    expect(page.locator("#status")).to_have_text("Disconnected: the server is full. Trying again")


def test_a_page_says_that_its_address_has_made_too_many_handshakes(
    window: Page, start_server: StartServer, enter: Enter
) -> None:
    server = start_server(handshakes_per_minute=1, trusted_addresses="")
    enter(server, "/ws")
    page = open_page(window, server, "/pages/echo")
    expect(page.locator("#status")).to_contain_text("too many connections from your address within a minute")

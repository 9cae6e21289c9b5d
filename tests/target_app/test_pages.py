"""Tests of the pages in a real browser, and of their response headers."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from target_app.web import NAVIGATION
from tests.target_app.browsing import PHONE, expect_connected, open_page, say
from tests.target_app.server import Server


def join(context: BrowserContext, server: Server, name: str) -> Page:
    page = open_page(context, server, "/pages/chat")
    page.get_by_label("Your id").fill(name)
    page.keyboard.press("Enter")
    expect_connected(page)
    return page


def test_the_echo_page_answers(window: Page, server: Server) -> None:
    page = open_page(window, server, "/pages/echo")
    expect_connected(page)
    say(page, "hello <b>")
    expect(page.get_by_role("log").get_by_role("paragraph")).to_have_text(["hello <b>", "Message received: hello <b>"])


def test_two_tabs_exchange_messages_and_one_leaves(context: BrowserContext, server: Server) -> None:
    ada, grace = join(context, server, "ada"), join(context, server, "grace")
    say(ada, "are you there?")
    expect(grace.locator(".theirs")).to_have_text("ada are you there?")
    say(grace, "<img src=x onerror=alert(1)>")
    expect(ada.locator(".theirs")).to_have_text("grace <img src=x onerror=alert(1)>")
    expect(ada.locator(".mine.placed")).to_have_text("are you there?")
    grace.close()
    expect(ada.get_by_text("grace left")).to_be_visible()


def test_the_dashboard_page_shows_new_readings(window: Page, server: Server) -> None:
    page = open_page(window, server, "/pages/dashboard")
    expect_connected(page)
    expect(page.locator("#active_users")).to_have_text(re.compile(r"^\d+$"))
    expect(page.locator("#memory_usage")).to_have_text(re.compile(r"^\d+\.\d$"))
    expect(page.locator("#trend-cpu_usage polyline")).to_have_attribute("points", re.compile(r"\S+ \S+ \S+"))


def test_a_refused_id_is_shown_and_not_retried_without_end(window: Page, server: Server) -> None:
    page = open_page(window, server, "/pages/chat")
    page.get_by_label("Your id").fill("invisible\u200b")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Disconnected: the server does not accept this connection")
    expect(page.get_by_role("button", name="Connect now")).to_be_visible()
    page.get_by_label("Your id").fill("visible")
    page.keyboard.press("Enter")
    expect_connected(page)
    say(page, "in after all")
    expect(page.locator(".mine.placed")).to_have_text("in after all")


def test_every_page_has_the_same_navigation_with_the_current_page_marked(server: Server) -> None:
    navigations = {}
    for path in ("/", "/pages/login", *NAVIGATION):
        page = server.get(path).text
        links = re.findall(r'<a href="([^"]+)"( aria-current="page")?>', page.split("<nav")[1].split("</nav>")[0])
        navigations[path] = [to for to, _ in links]
        assert [to for to, is_current in links if is_current] == ([path] if path in NAVIGATION else [])
    assert list(navigations.values()) == [list(NAVIGATION)] * len(navigations)


@pytest.mark.parametrize("path", ["/", "/pages/echo", "/pages/chat", "/pages/dashboard"])
def test_no_page_is_wider_than_a_phone(window: Page, server: Server, path: str) -> None:
    page = open_page(window, server, path)
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize("path", ["/", "/pages/chat", "/static/socket.js", "/healthz", "/nowhere"])
def test_every_response_has_a_strict_content_security_policy(server: Server, path: str) -> None:
    policy = server.get(path).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["/nowhere", "/pages/nowhere", "/pages/..%2fmain.py", "/static/../main.py", "/redoc"])
def test_an_unknown_path_is_404(server: Server, path: str) -> None:
    assert server.get(path).status_code == 404

"""Tests of the pages' accessibility, by the rules of axe-core."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize, expect

from tests.slow import slow_except
from tests.target_app.browsing import PHONE, open_page, open_signed_in
from tests.target_app.people import SECRET, make_token, users_with
from tests.target_app.server import Server, running
from tests.target_app.test_account_pages import PAGES

WIDE: ViewportSize = {"width": 1280, "height": 800}
FOR_MEMBERS = ("/pages/rooms", "/pages/draw", "/pages/game", "/pages/notifications")
"""Pages that redirect to the login if no user is signed in."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("target_app", {"secret": SECRET, "users": users_with(admins=("ada",))}) as started:
        yield started


@pytest.mark.parametrize("path", slow_except(PAGES, "/", "/pages/rooms", "/pages/game", "/admin"))
def test_every_page_is_accessible(window: Page, server: Server, path: str) -> None:
    page = open_signed_in(window, server, path, make_token("ada", roles=("admin",)))
    expect(page.locator("#account strong")).to_have_text("ada")
    check_by_axe(page)


@pytest.mark.parametrize("path", slow_except((path for path in PAGES if path not in FOR_MEMBERS), "/pages/login"))
def test_every_public_page_is_accessible_without_signing_in(window: Page, server: Server, path: str) -> None:
    check_by_axe(open_page(window, server, path))


@pytest.mark.parametrize("path", FOR_MEMBERS)
def test_a_page_for_members_leads_to_the_login(window: Page, server: Server, path: str) -> None:
    """The login page is among the public pages above."""
    expect(open_page(window, server, path)).to_have_url(re.compile("/pages/login"))


def check_by_axe(page: Page) -> None:
    """Check the rules of axe-core in both window sizes and both colour schemes."""
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")
    assert_accessible(page)
    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme="dark")
    assert_accessible(page)


def assert_accessible(page: Page) -> None:
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()

"""Tests of the pages' accessibility, by the rules of axe-core."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, ViewportSize, expect

from tests.target_app.browsing import PHONE, open_page, open_signed_in
from tests.target_app.people import SECRET, make_token, users_with
from tests.target_app.server import Server, running
from tests.target_app.test_account_pages import PAGES

DESKTOP: ViewportSize = {"width": 1280, "height": 800}
FOR_MEMBERS = ("/pages/rooms", "/pages/draw", "/pages/game", "/pages/notifications")
"""Pages that redirect to the login if no user is signed in."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("target_app", {"secret": SECRET, "users": users_with(admins=("ada",))}) as started:
        yield started


@pytest.mark.parametrize("user", ["ada", None])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_accessible(context: BrowserContext, server: Server, path: str, user: str | None) -> None:
    """Check the rules of axe-core in both window sizes and both colour schemes."""
    if user is None:
        page = open_page(context, server, path)
        if path in FOR_MEMBERS:
            expect(page).to_have_url(re.compile("/pages/login"))
            page.wait_for_load_state()
    else:
        page = open_signed_in(context, server, path, make_token(user, roles=("admin",)))
        expect(page.locator("#account strong")).to_have_text(user)
    for size, colors in ((DESKTOP, "light"), (PHONE, "dark")):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme="dark" if colors == "dark" else "light")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()

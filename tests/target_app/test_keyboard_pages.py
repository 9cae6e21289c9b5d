"""Tests that every page can be used by keyboard, with a visible focus."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.slow import slow_except
from tests.target_app.browsing import open_page, open_signed_in
from tests.target_app.people import SECRET, make_token
from tests.target_app.server import Server, running

MOST_STOPS = 60

SIGNED_IN = ("rooms", "draw", "notifications")
PAGES = ("", "login", "echo", "chat", "dashboard", *SIGNED_IN)
SETTLED = {"login": "Not signed in", "chat": "Not joined yet"}
"""The status line of a ready page, where it is not `Connected`."""

REACHABLE = """() => {
  const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")];
  const can = (one) => !one.disabled && one.checkVisibility() && !one.matches("[type=radio]:not(:checked)");
  const seen = all.filter(can);
  seen.forEach((one, number) => { one.dataset.stop = number; });
  return seen.length;
}"""
FOCUSED = """() => {
  const one = document.activeElement;
  if (one === null || one.dataset.stop === undefined) return null;
  const outlined = [one, one.closest("label")].some((each) => each && getComputedStyle(each).outlineStyle !== "none");
  const box = (one.closest("label") ?? one).getBoundingClientRect();
  const inView = box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  return { stop: Number(one.dataset.stop), what: one.outerHTML.slice(0, 80), outlined, inView };
}"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("target_app", {"secret": SECRET}) as started:
        yield started


def opened(window: Page, server: Server, name: str) -> Page:
    """Open a page and wait until it is ready."""
    path = f"/pages/{name}" if name else "/"
    if name not in SIGNED_IN:
        page = open_page(window, server, path)
    else:
        page = open_signed_in(window, server, path, make_token("ada"))
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    if name:
        expect(page.locator("#status")).to_have_text(SETTLED.get(name, "Connected"))
    if name == "notifications":
        expect(page.get_by_role("button", name="Send")).to_be_enabled()
    return page


@pytest.mark.parametrize("name", slow_except(PAGES, "", "rooms", "game"))
def test_every_control_is_reachable_by_keyboard_with_a_visible_focus(window: Page, server: Server, name: str) -> None:
    page = opened(window, server, name)
    page.evaluate("() => document.querySelector('.skip').focus()")
    count = page.evaluate(REACHABLE)
    reached = {}
    for _ in range(MOST_STOPS):
        focused = page.evaluate(FOCUSED)
        if focused is None or focused["stop"] in reached:
            break
        reached[focused["stop"]] = focused
        page.keyboard.press("Tab")
    hidden = [one["what"] for one in reached.values() if not (one["outlined"] and one["inView"])]
    assert hidden == []
    assert sorted(reached) == list(range(count)), page.evaluate(
        "(reached) => [...document.querySelectorAll('[data-stop]')]"
        ".filter((one) => !reached.includes(Number(one.dataset.stop))).map((one) => one.outerHTML.slice(0, 80))",
        list(reached),
    )

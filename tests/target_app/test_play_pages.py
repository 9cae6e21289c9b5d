"""Tests of the board and the game in a real browser, with several users at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.target_app.browsing import PHONE, STILL, NewContext, expect_connected, open_signed_in
from tests.target_app.free_port import free_port
from tests.target_app.people import SECRET, make_token
from tests.target_app.server import DEADLINE, Server, running, wait_until

SETTINGS: dict[str, Any] = {"secret": SECRET, "game_tick": 0.25}
"""With shorter ticks, players on a busy machine miss the ticks in which they should turn, and close no loop."""
PIXELS = """async () => {
  const { data } = document.getElementById("paper").getContext("2d").getImageData(0, 0, 1600, 1000);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data)).join();
}"""
"""The digest of all pixels. As a PNG they would be compressed, and sent to the test."""
INK = """() => {
  const { data } = document.getElementById("paper").getContext("2d").getImageData(0, 0, 1600, 1000);
  let count = 0;
  for (let i = 0; i < data.length; i += 4) count += data[i] < 200 || data[i + 1] < 200 || data[i + 2] < 200;
  return count;
}"""
"""Count the pixels that are not paper."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("target_app", SETTINGS) as started:
        yield started


def open_as(windows: BrowserContext, server: Server, user: str, path: str) -> Page:
    page = open_signed_in(windows, server, path, make_token(user))
    expect_connected(page)
    return page


def at_board(windows: BrowserContext, server: Server, user: str, board: str) -> Page:
    page = open_as(windows, server, user, f"/pages/draw?board={board}")
    expect(page.locator("#note")).to_have_text("Everybody here sees what you draw.")
    return page


def draw_by_mouse(page: Page, *points: tuple[float, float]) -> None:
    """Draw through points, given as shares of the paper's width and height."""
    box = page.locator("#paper").bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def draw_by_keyboard(page: Page, *keys: str) -> None:
    page.locator("#paper").focus()
    for key in (" ", *keys, " "):
        page.keyboard.press(key)


def ink_of(*pages: Page) -> int:
    """Return the number of drawn pixels once all changes have arrived. All pages must agree."""

    def have_arrived() -> bool:
        states = [(page.locator("#paper").get_attribute("data-waiting"), seq_of(page)) for page in pages]
        return len(set(states)) == 1 and states[0][0] == "0"

    wait_until(have_arrived, "all have all strokes")
    wait_until(lambda: len({page.evaluate(PIXELS) for page in pages}) == 1, "all see the same pixels")
    return int(pages[0].evaluate(INK))


def seq_of(page: Page) -> str | None:
    return page.locator("#paper").get_attribute("data-seq")


@pytest.mark.slow
def test_two_drawers_and_a_late_viewer_see_the_same_pixels(new_context: NewContext, server: Server) -> None:
    ada, grace = (at_board(new_context(), server, user, "pixels") for user in ("ada", "grace"))
    draw_by_mouse(ada, (0.1, 0.1), (0.5, 0.8), (0.9, 0.2))
    first = ink_of(ada, grace)
    assert first > 1_000
    grace.get_by_label("red").check(force=True)
    draw_by_keyboard(grace, *["Shift+ArrowRight"] * 6, *["ArrowDown"] * 9)
    both = ink_of(ada, grace)
    assert both > first
    late = at_board(new_context(), server, "mary", "pixels")
    assert ink_of(ada, grace, late) == both
    expect(late.locator("#people")).to_have_text("you, ada, grace")


@pytest.mark.slow
def test_undo_removes_a_users_own_stroke_for_all_and_redo_restores_it(new_context: NewContext, server: Server) -> None:
    ada, grace = (at_board(new_context(), server, user, "undo") for user in ("ada", "grace"))
    draw_by_keyboard(grace, *["ArrowUp"] * 5)
    hers = ink_of(ada, grace)
    draw_by_mouse(ada, (0.1, 0.1), (0.9, 0.9))
    both = ink_of(ada, grace)
    assert both > hers > 100
    ada.keyboard.press("Control+z")
    wait_until(lambda: grace.evaluate(INK) == ada.evaluate(INK) == hers, "only the other's stroke is left")
    expect(ada.get_by_role("button", name="Undo")).to_be_disabled()
    ada.get_by_role("button", name="Redo").click()
    wait_until(lambda: grace.evaluate(INK) == ada.evaluate(INK) == both, "both strokes are there again")
    assert ink_of(ada, grace) == both


@pytest.mark.slow
def test_strokes_drawn_during_an_outage_arrive_after_it(new_context: NewContext) -> None:
    port = free_port()
    with running("target_app", SETTINGS, port) as server:
        ada, grace = (at_board(new_context(), server, user, "away") for user in ("ada", "grace"))
    for page in (ada, grace):
        expect(page.locator("#status")).not_to_have_text("Connected")
    draw_by_mouse(ada, (0.2, 0.2), (0.8, 0.3))
    wait_until(lambda: ada.evaluate(INK) > 1_000, "it is on her own paper at once")
    with running("target_app", SETTINGS, port):
        for page in (ada, grace):
            come_back(page)
        wait_until(lambda: grace.evaluate(INK) > 1_000, "it is on the other's paper too")
        assert ink_of(ada, grace) > 1_000


def come_back(page: Page) -> None:
    """Dispatch the `online` event, so that the page reconnects at once."""
    page.evaluate("() => { dispatchEvent(new Event('online')); }")
    expect_connected(page)


def at_match(windows: BrowserContext, server: Server, user: str, match: str) -> Page:
    page = open_as(windows, server, user, f"/pages/game?match={match}")
    expect(page.locator("#sit")).to_be_enabled()
    return page


def sit_down(page: Page, name: str) -> None:
    page.get_by_label("Your name in this match").fill(name)
    page.keyboard.press("Enter")
    expect(row_of(page, f"{name} (you)")).to_be_visible()


def row_of(page: Page, who: str) -> Locator:
    return page.locator("#scores li").filter(has=page.get_by_text(who, exact=True))


def run_a_loop(*pages: Page) -> None:
    """Steer all players at once through a square of four cells per side, as far as the rim allows."""
    for key in ("ArrowUp", "ArrowRight", "ArrowDown", "ArrowLeft"):
        for page in pages:
            page.keyboard.press(key)
        for page in pages:
            tick = int(page.locator("#field").get_attribute("data-tick") or 0)
            arrived = "(tick) => Number(document.getElementById('field').dataset.tick) >= tick"
            page.wait_for_function(arrived, arg=tick + 4 // len(pages))


def land_of(page: Page, who: str) -> str:
    return row_of(page, who).locator(".land").inner_text()


@pytest.mark.slow
def test_two_users_play_a_match_and_a_third_one_watches(new_context: NewContext, server: Server) -> None:
    ada, grace, viewer = (at_match(new_context(**STILL), server, user, "three") for user in ("ada", "grace", "mary"))
    sit_down(ada, "Ada")
    expect(ada.locator("#phase")).to_contain_text("Warm-up")
    sit_down(grace, "Grace")
    expect(viewer.locator("#watchers")).to_have_text("One person watches.")
    for page in (ada, grace, viewer):
        expect(page.locator("#phase")).to_have_text("Round")
        expect(page.locator("#scores li")).to_have_count(2)
    before, ends = {name: land_of(viewer, name) for name in ("Ada", "Grace")}, time.monotonic() + 6 * DEADLINE
    while still := [name for name in before if land_of(viewer, name) == before[name]]:
        assert time.monotonic() < ends, f"{still} never got more land"
        run_a_loop(ada, grace)
    expect(viewer.get_by_role("button", name="Take a seat")).to_be_visible()


def test_a_reload_keeps_the_seat_and_giving_it_up_frees_it(new_context: NewContext, server: Server) -> None:
    ada, grace = (at_match(new_context(**STILL), server, user, "reload") for user in ("ada", "grace"))
    sit_down(ada, "Ada")
    sit_down(grace, "Grace")
    ada.reload()
    expect(row_of(ada, "Ada (you)").locator(".badge")).to_have_text("1")
    expect(row_of(grace, "Ada")).to_be_visible()
    expect(ada.locator("#scores li")).to_have_count(2)
    ada.get_by_role("button", name="Give up the seat").click()
    expect(row_of(grace, "Ada")).to_have_count(0)
    expect(ada.get_by_role("button", name="Take a seat")).to_be_visible()
    ada.reload()
    expect(ada.get_by_role("button", name="Take a seat")).to_be_enabled()
    expect(ada.locator("#watchers")).to_have_text("One person watches.")


@pytest.mark.slow
def test_the_players_find_their_seats_after_the_connection_was_lost(new_context: NewContext) -> None:
    """A restarted server knows no seats. The players then take new ones automatically."""
    port = free_port()
    with running("target_app", SETTINGS, port) as server:
        ada = at_match(new_context(), server, "ada", "lost")
        sit_down(ada, "Ada")
    expect(ada.locator("#note")).to_contain_text("Not connected")
    with running("target_app", SETTINGS, port):
        come_back(ada)
        expect(row_of(ada, "Ada (you)")).to_be_visible()
        expect(ada.locator("#note")).to_have_text("")


@pytest.mark.parametrize("path", ["/pages/draw", "/pages/game"])
def test_on_a_phone_no_page_is_wider_than_the_screen_and_the_game_has_buttons(
    new_context: NewContext, server: Server, path: str
) -> None:
    page = open_as(new_context(), server, "ada", path)
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    if path == "/pages/game":
        sit_down(page, "Ada")
        expect(page.get_by_role("button", name="Left", exact=True)).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]

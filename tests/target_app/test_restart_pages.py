"""Tests that every page in a real browser reconnects after a restart of its server, with both writers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.target_app.browsing import NewContext, expect_connected, open_page, open_signed_in, say
from tests.target_app.free_port import free_port
from tests.target_app.people import SECRET, make_token, users_with
from tests.target_app.server import Server, running
from tests.target_app.test_play_pages import at_board, at_match, come_back, draw_by_keyboard, ink_of, row_of, sit_down

PEOPLE = ("ada", "grace")


def in_room(windows: BrowserContext, server: Server, user: str) -> Page:
    page = open_signed_in(windows, server, "/pages/rooms?room=tea", make_token(user))
    expect(page.locator("#members")).to_contain_text(f"{user} (you)")
    return page


def in_chat(windows: BrowserContext, server: Server) -> Page:
    page = open_page(windows, server, "/pages/chat")
    page.get_by_label("Your id").fill("ada")
    page.keyboard.press("Enter")
    return page


def alert_to_self(page: Page, text: str) -> None:
    page.get_by_label("Name of the user").fill("ada")
    page.get_by_label("Text").fill(text)
    page.keyboard.press("Enter")


@pytest.mark.slow
@pytest.mark.parametrize("command", ["target_app", "target_app --direct"])
def test_all_open_pages_come_back_after_a_restart_and_rooms_resume_without_a_gap(
    new_context: NewContext, tmp_path: Path, command: str
) -> None:
    port = free_port()
    settings: dict[str, Any] = {"secret": SECRET, "history_path": tmp_path / "history.db", "dashboard_period": 0.1}
    settings |= {"users": users_with(*PEOPLE), "game_tick": 0.25}
    with running(command, settings, port) as server:
        windows = {user: new_context(reduced_motion="reduce") for user in PEOPLE}
        ada, grace = (in_room(windows[user], server, user) for user in PEOPLE)
        boards = [at_board(windows[user], server, user, "tea") for user in PEOPLE]
        players = [at_match(windows[user], server, user, "tea") for user in PEOPLE]
        inbox, dashboard, echo = (
            open_page(windows["ada"], server, f"/pages/{name}") for name in ("notifications", "dashboard", "echo")
        )
        chat = in_chat(windows["ada"], server)
        pages = [ada, grace, *boards, *players, inbox, dashboard, echo, chat]
        for page in pages:
            expect_connected(page)
        expect(dashboard.locator("#active_users")).to_have_text(str(len(pages)))
        say(ada, "before")
        expect(grace.locator(".theirs")).to_have_text("ada before")
        for board, key in zip(boards, ("ArrowLeft", "ArrowRight"), strict=True):
            draw_by_keyboard(board, *[key] * 9)
        ink = ink_of(*boards)
        for player, user in zip(players, PEOPLE, strict=True):
            sit_down(player, user)
        server.stop()
        for page in pages:
            expect(page.locator("#status")).not_to_have_text("Connected")
        say(grace, "while it was away")
        say(echo, "kept while disconnected")
        expect(dashboard.locator("#note")).to_contain_text("These figures are old")
    with running(command, settings, port):
        for page in pages:
            come_back(page)
        expect(ada.locator(".theirs")).to_have_text("grace while it was away")
        say(ada, "after")
        for page, theirs in ((ada, ["grace while it was away"]), (grace, ["ada before", "ada after"])):
            expect(page.locator(".theirs")).to_have_text(theirs)
            expect(page.locator(".log .theirs, .log .mine.placed")).to_have_count(3)
            expect(page.get_by_text("Back again")).to_be_visible()
            expect(page.get_by_text("away too long")).to_have_count(0)
        assert ink_of(*boards) == ink  # each page has restored its own drawing
        for player, user in zip(players, PEOPLE, strict=True):
            expect(row_of(player, f"{user} (you)")).to_be_visible()
            expect(player.locator("#scores li")).to_have_count(2)
        expect(dashboard.locator("#active_users")).to_have_text(str(len(pages)))
        expect(dashboard.locator("#note")).to_contain_text("The same reading")
        echo.keyboard.press("Enter")
        expect(echo.get_by_text("Message received: kept while disconnected")).to_be_visible()
        say(chat, "back again")
        expect(chat.locator(".mine.placed")).to_have_text("back again")
        alert_to_self(inbox, "note to self")
        expect(inbox.locator(".alerts .body")).to_have_text("note to self")


def test_a_user_stays_signed_in_over_a_restart_with_default_settings(context: BrowserContext, tmp_path: Path) -> None:
    port = free_port()
    with running("target_app", {}, port, state_home=tmp_path) as server:
        page = open_page(context, server, "/pages/rooms")
        expect(page.get_by_role("button", name="Sign in")).to_be_enabled()  # until then, Enter sends nothing
        page.get_by_label("Name").fill("user")
        page.get_by_label("Password").fill("user")
        page.keyboard.press("Enter")
        expect_connected(page)
    expect(page.locator("#status")).not_to_have_text("Connected")
    with running("target_app", {}, port, state_home=tmp_path):
        expect_connected(page)
        expect(page.locator("#members")).to_contain_text("user (you)")

"""Tests of login, rooms and alerts in a real browser, with a separate browser for each user."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.slow import slow_except
from tests.target_app.browsing import PHONE, NewContext, expect_connected, open_page, open_signed_in, say
from tests.target_app.conftest import StartServer
from tests.target_app.free_port import free_port
from tests.target_app.people import SECRET, make_token, post, users_with
from tests.target_app.server import Server, running


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("target_app", {"secret": SECRET, "users": users_with(admins=("root", "other"))}) as started:
        yield started


def enter(new_context: NewContext, server: Server, user: str, room: str) -> Page:
    page = open_signed_in(new_context(), server, f"/pages/rooms?room={room}", make_token(user))
    expect_connected(page)
    expect(page.locator("#members")).to_contain_text(f"{user} (you)")
    return page


def log_in(page: Page, name: str, password: str) -> None:
    expect(page.get_by_role("button", name="Sign in")).to_be_enabled()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")


def test_two_users_chat_and_see_each_other_join_and_leave(new_context: NewContext, server: Server) -> None:
    ada = enter(new_context, server, "ada", "tea")
    grace = enter(new_context, server, "grace", "tea")
    expect(ada.get_by_text("grace came")).to_be_visible()
    expect(ada.locator("#members li")).to_have_text(["ada (you)", "grace"])
    say(ada, "are you <b>there</b>?")
    expect(grace.locator(".theirs")).to_have_text("ada are you <b>there</b>?")
    expect(ada.locator(".mine.placed")).to_have_text("are you <b>there</b>?")
    grace.get_by_label("Message", exact=True).press_sequentially("y")
    expect(ada.locator("#typing")).to_have_text("grace is typing…")
    grace.keyboard.press("Enter")
    expect(ada.locator(".theirs")).to_have_text("grace y")
    expect(ada.locator("#typing")).to_have_text("")
    grace.close()
    expect(ada.get_by_text("grace left")).to_be_visible()
    expect(ada.locator("#members li")).to_have_text(["ada (you)"])


@pytest.mark.slow
def test_a_direct_message_is_seen_by_its_recipient_only(new_context: NewContext, server: Server) -> None:
    ada, grace, alan = (enter(new_context, server, name, "secrets") for name in ("ada", "grace", "alan"))
    ada.get_by_label("To").select_option("grace")
    say(ada, "only for you")
    expect(grace.locator(".direct")).to_have_text("ada, to you alone only for you")
    ada.get_by_label("To").select_option("")
    say(ada, "for all")
    expect(alan.locator(".theirs")).to_have_text("ada for all")


@pytest.mark.slow
def test_a_page_says_that_the_room_lost_its_history(new_context: NewContext) -> None:
    port = free_port()
    with running("target_app", {"secret": SECRET}, port) as server:
        ada = enter(new_context, server, "ada", "tea")
        say(ada, "kept in memory only")
        expect(ada.locator(".mine.placed")).to_have_count(1)
    with running("target_app", {"secret": SECRET}, port):
        expect(ada.get_by_text("away too long")).to_be_visible()
        expect(ada.get_by_text("kept in memory only")).to_have_count(0)


@pytest.mark.slow
def test_an_admin_alert_arrives_and_a_plain_users_does_not(new_context: NewContext, server: Server) -> None:
    def inbox(user: str, *roles: str) -> Page:
        page = open_signed_in(new_context(), server, "/pages/notifications", make_token(user, roles=roles))
        expect_connected(page)
        return page

    root, other, plain = inbox("root", "admin"), inbox("other", "admin"), inbox("plain")
    root.get_by_label("To", exact=True).select_option("admins")
    root.get_by_label("Level").select_option("critical")
    root.get_by_label("Text").fill("disk full")
    root.keyboard.press("Enter")
    expect(other.locator(".alerts .critical .body")).to_have_text("disk full")
    expect(other.locator("#count")).to_have_text("1 unread.")

    expect(plain.locator("#to option")).to_have_text(["one user", "all administrators"])
    expect(plain.locator("#to-admins")).to_be_disabled()
    plain.evaluate(
        "() => { document.getElementById('to-admins').disabled = false; }"
    )  # a user may call the API directly
    plain.get_by_label("To", exact=True).select_option("admins")
    plain.get_by_label("Text").fill("let me in")
    plain.keyboard.press("Enter")
    expect(plain.locator("#problem")).to_have_text("Only administrators send alerts to administrators.")

    root.get_by_label("To", exact=True).select_option("user")
    root.get_by_label("Name of the user").fill("other")
    root.get_by_label("Text").fill("the next thing that other gets")
    root.keyboard.press("Enter")
    expect(other.locator(".alerts .body")).to_have_text(["the next thing that other gets", "disk full"])
    expect(plain.locator(".alerts li")).to_have_count(0)

    other.get_by_role("button", name="Acknowledge: disk full").press("Enter")
    expect(other.locator(".alerts li")).to_have_count(1)
    other.reload()
    expect(other.locator(".alerts .body")).to_have_text(["the next thing that other gets"])


def test_an_anonymous_user_signs_in_and_returns_to_the_requested_page(window: Page, server: Server) -> None:
    page = open_page(window, server, "/pages/rooms?room=tea%20house")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    log_in(page, "user", "wrong")
    expect(page.get_by_role("alert")).to_have_text("This name and password do not go together.")
    log_in(page, "user", "user")
    expect(page.get_by_role("heading", name="Room tea house")).to_be_visible()
    expect_connected(page)
    assert page.evaluate("() => document.cookie") == ""
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


ELSEWHERE = ["https://evil.example/", "//evil.example/", "javascript:alert(1)"]


@pytest.mark.parametrize("next_page", slow_except(ELSEWHERE, ELSEWHERE[0]))
def test_the_login_redirects_only_within_the_site(window: Page, server: Server, next_page: str) -> None:
    page = open_page(window, server, f"/pages/login?next={next_page}")
    log_in(page, "admin", "admin")
    page.wait_for_url(re.compile(rf"^http://127\.0\.0\.1:{server.port}/$"))


@pytest.mark.slow
def test_a_session_is_refreshed_while_the_page_is_open(context: BrowserContext, start_server: StartServer) -> None:
    server = start_server(secret=SECRET, token_lifetime=6)
    page = open_page(context, server, "/pages/login?next=/pages/rooms")
    refreshes: list[str] = []
    page.on("response", lambda answer: refreshes.append(answer.url) if answer.url.endswith("/auth/refresh") else None)
    log_in(page, "user", "user")
    expect_connected(page)
    while len(refreshes) < 2:  # the second is due only when the first token has expired
        page.wait_for_event("response", lambda answer: answer.url.endswith("/auth/refresh"))
    say(page, "still here")
    expect(page.locator(".mine.placed")).to_have_text("still here")
    expect_connected(page)
    assert "4001" not in server.log()


def test_a_page_says_that_its_session_has_ended_and_offers_to_sign_in(context: BrowserContext, server: Server) -> None:
    """Block the page's requests for newer tokens."""
    context.route("**/auth/refresh", lambda route: route.abort())
    page = open_signed_in(context, server, "/pages/rooms", make_token("ada", lifetime=3))
    expect(page.locator("#status")).to_have_text("Disconnected: your session has expired")
    link = page.get_by_role("link", name="Sign in again")
    expect(link).to_have_attribute("href", "/pages/login?next=%2Fpages%2Frooms")


def test_a_page_notices_a_logout_on_another_page(window: Page, server: Server) -> None:
    token = make_token("ada")
    page = open_signed_in(window, server, "/pages/rooms", token)
    expect_connected(page)
    assert post(server, "/auth/logout", token).status_code == 204
    expect(page.locator("#status")).to_have_text("Disconnected: you have signed out")
    expect(page.get_by_role("link", name="Sign in again")).to_be_visible()


@pytest.mark.parametrize("path", slow_except(["/pages/login", "/pages/rooms", "/pages/notifications"], "/pages/rooms"))
def test_no_page_is_wider_than_a_phone(window: Page, server: Server, path: str) -> None:
    page = open_signed_in(window, server, path, make_token("somebody with a rather long name of 40 signs"))
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    expect(page.locator("#status")).not_to_have_text("Connecting…")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]

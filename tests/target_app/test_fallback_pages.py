"""Tests of pages behind a proxy that blocks WebSockets, and of the pages for operators."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import Page, expect
from websockets.exceptions import ConnectionClosed

from tests.target_app.browsing import PHONE, NewContext, open_page, open_signed_in, say
from tests.target_app.free_port import free_port
from tests.target_app.people import SECRET, make_token
from tests.target_app.server import DEADLINE, Server, running, wait_until

HEAD_END = b"\r\n\r\n"
OVER_HTTP = "Connected over HTTP: WebSockets are blocked"


class Blocking:
    """A proxy in front of a server that answers WebSocket handshakes itself and forwards all other requests."""

    def __init__(self, port: int, to_port: int) -> None:
        self.refused = 0
        self.blocks = True
        self._passes = True
        self._open: set[socket.socket] = set()
        self.port = port
        self._to = to_port
        self._listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Cut all connections, and refuse new ones from now on."""
        self._passes = False
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def pass_on(self) -> None:
        self._passes = True

    def close(self) -> None:
        self.cut()
        wait_until(lambda: not self._open, "all connections through the proxy have ended")
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            if self._passes:
                self._open.add(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()
            else:
                client.close()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client:
                self._pass(client)
        except OSError:
            return  # cut
        finally:
            self._open.discard(client)

    def _pass(self, client: socket.socket) -> None:
        head = b""
        while HEAD_END not in head:
            if not (chunk := client.recv(65536)):
                return
            head += chunk
        if self.blocks and b"upgrade: websocket" in head.lower():
            self.refused += 1
            client.sendall(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", self._to)) as server:
            server.sendall(head)
            back = threading.Thread(target=_pump, args=(server, client), daemon=True)
            back.start()
            _pump(client, server)
            back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while chunk := source.recv(65536):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return  # one side has closed


@pytest.fixture(scope="module")
def proxy_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def server(proxy_port: int) -> Iterator[Server]:
    port = free_port()
    origins = ",".join(f"http://127.0.0.1:{number}" for number in (port, proxy_port))
    settings = {"dashboard_period": 0.1, "secret": SECRET, "allowed_origins": origins}
    with running("target_app", settings, port) as started:
        yield started


@pytest.fixture
def blocking(server: Server, proxy_port: int) -> Iterator[Blocking]:
    proxy = Blocking(proxy_port, server.port)
    yield proxy
    proxy.close()


def behind(server: Server, proxy: Blocking) -> Server:
    """Return the server as it is reached through the proxy."""
    return Server(server.process, proxy.port, server.output)


def test_a_dashboard_without_websockets_is_updated_and_says_so(
    window: Page, server: Server, blocking: Blocking
) -> None:
    page = open_page(window, behind(server, blocking), "/pages/dashboard")
    expect(page.get_by_role("status")).to_have_text(OVER_HTTP)
    assert blocking.refused >= 2
    expect(page.locator("#trend-cpu_usage polyline")).to_have_attribute("points", re.compile(r"\S+ \S+ \S+"))


def test_a_page_that_needs_websockets_says_so(window: Page, server: Server, blocking: Blocking) -> None:
    page = open_page(window, behind(server, blocking), "/pages/echo")
    expect(page.get_by_role("status")).to_contain_text("WebSockets are blocked on the way here")
    blocking.blocks = False
    expect(page.get_by_role("status")).to_have_text("Connected")


def test_alerts_arrive_without_websockets_and_the_page_says_so(
    window: Page, server: Server, blocking: Blocking
) -> None:
    page = open_signed_in(window, behind(server, blocking), "/pages/notifications", make_token("user"))
    expect(page.locator("#status")).to_have_text(OVER_HTTP)
    page.get_by_label("Name of the user").fill("user")
    page.get_by_label("Text").fill("a note to myself")
    page.keyboard.press("Enter")
    expect(page.locator(".alerts .body")).to_have_text(["a note to myself"])


@pytest.mark.slow
def test_a_room_has_members_with_and_without_websockets_and_a_returning_one_misses_nothing(
    new_context: NewContext, server: Server, blocking: Blocking
) -> None:
    path = "/pages/rooms?room=mixed"
    grace = open_signed_in(new_context(), server, path, make_token("grace"))
    ada = open_signed_in(new_context(), behind(server, blocking), path, make_token("ada"))
    expect(ada.locator("#status")).to_have_text(OVER_HTTP)
    expect(grace.locator("#status")).to_have_text("Connected")
    expect(grace.get_by_text("ada came")).to_be_visible()
    say(ada, "can you hear me?")
    expect(grace.locator(".theirs")).to_have_text("ada can you hear me?")
    expect(ada.locator(".mine.placed")).to_have_text("can you hear me?")
    say(grace, "yes")
    expect(ada.locator(".theirs")).to_have_text("grace yes")

    blocking.cut()
    expect(ada.locator("#status")).not_to_have_text(OVER_HTTP)
    expect(grace.get_by_text("ada left")).to_be_visible()
    say(grace, "and now?")
    blocking.pass_on()
    expect(ada.locator("#status")).to_have_text(OVER_HTTP)
    expect(ada.locator(".theirs").last).to_have_text("grace and now?")
    expect(ada.locator(".theirs")).to_have_count(2)


def test_a_page_returns_to_websockets_when_they_are_no_longer_blocked(
    window: Page, server: Server, blocking: Blocking
) -> None:
    page = open_page(window, behind(server, blocking), "/pages/dashboard")
    expect(page.get_by_role("status")).to_have_text(OVER_HTTP)
    blocking.blocks = False
    blocking.cut()
    expect(page.get_by_role("status")).not_to_have_text(OVER_HTTP)
    blocking.pass_on()
    expect(page.get_by_role("status")).to_have_text("Connected")


def sign_in(page: Page, name: str) -> None:
    page.get_by_label("Name of an administrator").fill(name)
    page.get_by_label("Password").fill(name)
    page.keyboard.press("Enter")


@pytest.mark.slow
def test_an_administrator_sees_connections_and_closes_one(window: Page, server: Server) -> None:
    page = open_page(window, server, "/admin")
    sign_in(page, "user")
    expect(page.get_by_role("alert")).to_have_text("This user is not an administrator.")
    sign_in(page, "admin")
    expect(page.get_by_role("status")).to_have_text("Up to date")
    with server.connect("/ws/7") as member:
        row = page.locator("#connections tr", has_text="chat")
        expect(row).to_have_count(1)
        row.get_by_role("button", name="Kick").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_contain_text("Close connection")
        page.get_by_role("dialog").get_by_role("button", name="Kick").click()
        expect(page.locator("#ended tr", has_text="kicked")).to_contain_text("4004")
        with pytest.raises(ConnectionClosed, match="4004"):
            member.recv(DEADLINE)


def test_the_documentation_page_shows_every_channel(window: Page, server: Server) -> None:
    page = open_page(window, server, "/docs")
    expect(page.get_by_role("status")).to_have_text("Complete")
    expect(page.locator("#channels > details")).to_have_count(len(server.get("/asyncapi.json").json()["channels"]))
    room = page.locator("#channels > details", has_text="/rooms/{name}")
    room.locator("summary").first.click()
    said = room.locator("details", has_text="say ").first
    said.locator("summary").click()
    expect(said.locator("pre")).to_contain_text("text: string (1 to 4000 characters)")


@pytest.mark.parametrize("path", ["/admin", "/docs"])
def test_no_page_without_websockets_is_wider_than_a_phone(window: Page, server: Server, path: str) -> None:
    page = open_page(window, server, path)
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    if path == "/admin":
        sign_in(page, "admin")
        expect(page.get_by_role("status")).to_have_text("Up to date")
    else:
        expect(page.get_by_role("status")).to_have_text("Complete")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]

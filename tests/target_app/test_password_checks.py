"""Tests of password guessing: its rate, its concurrency, and its cost for others. No password is really hashed."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from target_app import users
from target_app.main import create_app
from target_app.password_checks import MAX_QUEUED, MAX_QUEUED_OF_ADDRESS
from target_app.settings import Settings
from tests.target_app.server import DEADLINE

Login = Callable[[str, str, str], Coroutine[Any, Any, httpx.Response]]
"""Logs in with a name and a password from an address."""

RIGHT = "right"


class Checker:
    """A replacement of `users.authenticate`: one password is right for all users, and checks can be delayed."""

    def __init__(self) -> None:
        self.begun = 0
        self.at_once = 0
        self.most_at_once = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def __call__(self, known: object, name: str, password: str) -> users.User | None:
        self.begun += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        assert self.may_go_on.wait(DEADLINE)
        self.at_once -= 1
        return users.DEMO_USERS["user"] if password == RIGHT else None


@pytest.fixture
def checker(monkeypatch: pytest.MonkeyPatch) -> Checker:
    fake = Checker()
    monkeypatch.setattr(users, "authenticate", fake)
    return fake


def client_at(app: FastAPI, address: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(address, 1)), base_url="http://127.0.0.1")


@asynccontextmanager
async def logging_in(**settings: int) -> AsyncIterator[tuple[Login, FastAPI]]:
    app = create_app(Settings.model_validate({"demo_users_anywhere": True} | settings))

    async def login(name: str, password: str, address: str) -> httpx.Response:
        async with client_at(app, address) as client:
            return await client.post("/auth/token", json={"username": name, "password": password})

    async with app.router.lifespan_context(app):
        yield login, app


def counted(answers: list[httpx.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def test_wrong_passwords_at_once_count_before_they_are_checked(checker: Checker) -> None:
    async def scenario() -> None:
        async with logging_in(logins_per_minute=3) as (login, _):
            answers = await asyncio.gather(*(login("ada", f"guess {n}", "10.0.0.1") for n in range(60)))
            assert counted(answers)[401] == checker.begun == 3
            assert {answer.headers["retry-after"] for answer in answers if answer.status_code == 503} == {"1"}
            late = await login("ada", RIGHT, "10.0.0.1")
            assert (late.status_code, late.headers["retry-after"]) == (429, "60")
            assert (await login("ada", RIGHT, "10.0.0.2")).status_code == 200, (
                "the owner can log in from another address"
            )

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("setting", "addresses"),
    [
        ("logins_per_minute_per_address", ["10.0.0.1"] * 5),
        ("logins_per_minute_in_all", [f"10.0.0.{n}" for n in range(5)]),
    ],
)
def test_new_names_are_limited_too(checker: Checker, setting: str, addresses: list[str]) -> None:
    async def scenario() -> None:
        async with logging_in(**{setting: 3}) as (login, _):
            answers = [await login(f"name {n}", "guess", address) for n, address in enumerate(addresses)]
            assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
            assert checker.begun == 3
            status = (await login("ada", RIGHT, "10.1.0.1")).status_code
            assert status == (200 if setting.endswith("address") else 429)

    asyncio.run(scenario())


def test_right_passwords_do_not_count(checker: Checker) -> None:
    limits = {"logins_per_minute": 1, "logins_per_minute_per_address": 1, "logins_per_minute_in_all": 1}

    async def scenario() -> None:
        async with logging_in(**limits) as (login, _):
            answers = [await login("ada", RIGHT, "10.0.0.1") for _ in range(5)]
            assert counted(answers) == {200: 5}

    asyncio.run(scenario())


def test_password_checks_run_one_at_a_time_with_a_short_queue(checker: Checker) -> None:
    async def scenario() -> None:
        async with logging_in() as (login, app):
            checker.may_go_on.clear()
            flood = [asyncio.create_task(login(f"name {n}", "guess", "10.0.0.1")) for n in range(50)]
            while sum(task.done() for task in flood) < len(flood) - MAX_QUEUED_OF_ADDRESS:
                await asyncio.sleep(0.001)
            other = asyncio.create_task(login("ada", RIGHT, "10.0.0.2"))
            async with client_at(app, "10.0.0.3") as client:
                assert (await client.get("/healthz")).status_code == 200
            checker.may_go_on.set()
            assert (await other).status_code == 200
            assert counted(await asyncio.gather(*flood)) == {401: MAX_QUEUED_OF_ADDRESS, 503: 42}
            assert checker.most_at_once == 1
            assert app.state.services.counts["login.too_many_logins_at_once"] == 42
            assert app.state.services.counts["login.failed"] == MAX_QUEUED_OF_ADDRESS

    asyncio.run(scenario())


def test_many_addresses_can_fill_the_whole_queue(checker: Checker) -> None:
    async def scenario() -> None:
        async with logging_in() as (login, _):
            checker.may_go_on.clear()
            flood = [asyncio.create_task(login("ada", "guess", f"10.0.0.{n}")) for n in range(50)]
            while sum(task.done() for task in flood) < len(flood) - MAX_QUEUED:
                await asyncio.sleep(0.001)
            checker.may_go_on.set()
            assert counted(await asyncio.gather(*flood)) == {401: MAX_QUEUED, 503: 50 - MAX_QUEUED}

    asyncio.run(scenario())

"""Tests that demo users, whose passwords are public, are disabled where other machines reach the server."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from target_app.main import create_app
from target_app.settings import Settings
from target_app.users import User
from tests.slow import slow_except
from tests.target_app.server import DEADLINE

OWN = "$argon2id$v=19$m=8,t=1,p=1$YWFhYWFhYWE$Y9dvHcKdQ5R1hFNZ1Z6FLm4hXkPZVLZeZ1C5p3ZrPzU"
"""Hash of an unknown password."""


def login(address: str, settings: Settings, **headers: str) -> int:
    async def scenario() -> int:
        app = create_app(settings)
        transport = httpx.ASGITransport(app, client=(address, 1))
        client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers)
        async with app.router.lifespan_context(app), client:
            answer = await client.post("/auth/token", json={"username": "admin", "password": "admin"})
            return answer.status_code

    return asyncio.run(scenario())


def test_demo_users_sign_in_only_from_this_machine() -> None:
    """Covers every way to start the application, and every listening address."""
    assert login("127.0.0.1", Settings()) == login("::1", Settings()) == 200
    assert login("192.0.2.1", Settings()) == 403
    for header in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"):
        assert login("127.0.0.1", Settings(), **{header: "192.0.2.1"}) == 403
    assert login("127.0.0.1", Settings(trusted_proxies=("127.0.0.1",))) == 403
    assert login("192.0.2.1", Settings(demo_users_anywhere=True)) == 200


def start(host: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Start the server with a number of workers that makes it exit after its checks."""
    return subprocess.run(
        [sys.executable, "-m", "target_app", "--port", "0", "--workers", "0", "--host", host],
        env={**os.environ, **variables},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


@pytest.mark.parametrize("host", slow_except(["0.0.0.0", "::", "192.0.2.1", "chat.example"], "0.0.0.0"))
def test_the_server_refuses_to_start_with_demo_users_on_another_address(host: str) -> None:
    refused = start(host)
    assert refused.returncode == 1
    for part in ("admin, user", "TARGET_APP_USERS", "TARGET_APP_DEMO_USERS_ANYWHERE=true"):
        assert part in refused.stderr
    own = f'{{"ada": {User(password=OWN).model_dump_json()}}}'
    for variables in ({"TARGET_APP_USERS": own}, {"TARGET_APP_DEMO_USERS_ANYWHERE": "true"}):
        assert start(host, **variables).stderr == "--workers: 1 or more\n"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_the_server_starts_with_demo_users_on_loopback(host: str) -> None:
    assert start(host).stderr == "--workers: 1 or more\n"

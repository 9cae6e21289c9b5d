"""Tests of the answer to invalid bodies. They run the application in this process."""

from __future__ import annotations

import asyncio

import httpx

from target_app.main import create_app
from target_app.settings import Settings

INVALID = (
    '{"username": NaN, "password": "x"}',
    '{"username": 1e400, "password": "x"}',
    '{"username": -Infinity, "password": "x"}',
    '{"username": "\\ud800", "password": "x"}',
    '{"username": "user", "password": "\\udfff"}',
    '{"username": "user", "password": "x", "\\ud800": 1}',
    '{"username": "user", "password": "x", "cookie": [NaN]}',
    '{"username": "user", "password": "secret-word", "cookie": "perhaps"}',
    '{"username": "user", "password": ["secret-word"]}',
    '["secret-word"]',
    '{"username": ' + "9" * 5_000 + ', "password": "x"}',
    "[" * 8_000,
    "{",
)


def test_an_invalid_body_is_answered_without_its_values() -> None:
    async def scenario() -> list[httpx.Response]:
        app = create_app(Settings())
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")
        headers = {"content-type": "application/json"}
        async with app.router.lifespan_context(app), client:
            return [await client.post("/auth/token", content=body, headers=headers) for body in INVALID]

    for body, answer in zip(INVALID, asyncio.run(scenario()), strict=True):
        assert answer.status_code in (400, 422), body
        assert "secret-word" not in answer.text
        detail = answer.json()["detail"]
        assert isinstance(detail, str) or all(set(problem) == {"type", "loc", "msg"} for problem in detail)

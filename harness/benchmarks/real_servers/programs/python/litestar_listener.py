"""litestar: the websocket listener of its documentation, which sends each text back."""

from __future__ import annotations

from litestar import Litestar, websocket_listener


@websocket_listener("/")
async def handler(data: str) -> str:
    return data


app = Litestar([handler])

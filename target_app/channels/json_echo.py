"""`/echo/json`: any JSON value comes back as `{"received": <value>}`, with its original text.

A text that is not JSON gets a typed error, and the connection stays open. Too many errors close it (1007). NaN,
infinity and numbers beyond the range of a float are not JSON here.
"""

from __future__ import annotations

import asyncio
import json

from fastapi import APIRouter, WebSocket
from pydantic_core import from_json

from target_app.close_reasons import INVALID_PAYLOAD, UNSUPPORTED_DATA, Refusal
from target_app.connection import Connection, serve
from target_app.limits import TokenBucket
from target_app.messages import ErrorCode, ErrorMessage

NOT_JSON = ErrorMessage(code=ErrorCode.NOT_JSON, text="The message is not valid JSON.").to_json()

router = APIRouter()


def is_json(text: str) -> bool:
    """Return whether this is one JSON value, not nested too deeply to be read."""
    try:
        # `from_json` turns 1e999 into infinity; `json.dumps` rejects that.
        json.dumps(from_json(text, allow_inf_nan=False), allow_nan=False)
    except ValueError:
        return False
    return True


def _answer(connection: Connection, text: str, errors: TokenBucket) -> None:
    if is_json(text):
        # Insert the original text, which preserves the digits of numbers and the order of keys.
        connection.send(f'{{"received": {text}}}')
        return
    connection.send(NOT_JSON)
    if not errors.take(asyncio.get_running_loop().time()):
        raise Refusal(INVALID_PAYLOAD, "not_json")


@router.websocket("/echo/json")
async def json_echo(websocket: WebSocket) -> None:
    async with serve(websocket, "json_echo") as connection:
        settings = connection.services.settings
        errors = TokenBucket(settings.error_rate / 60, settings.error_burst, asyncio.get_running_loop().time())
        async for message in connection:
            if isinstance(message, bytes):
                raise Refusal(UNSUPPORTED_DATA, "text_only")
            _answer(connection, message, errors)
            await connection.wait_room()

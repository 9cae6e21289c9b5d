"""The answer to a request with an invalid body or parameter: what is wrong and where, without the value.

FastAPI's own answer repeats the value. That may be a password, and NaN or half a surrogate pair cannot be written as
JSON in UTF-8, so that the request would end in a traceback and a 500.
"""

from __future__ import annotations

import json

from fastapi import Request, Response, WebSocket
from fastapi.exceptions import RequestValidationError

REPORTED = ("type", "loc", "msg")


async def explain(request: Request | WebSocket, invalid: Exception) -> Response:
    """Return the answer 422. An exception handler of the application."""
    assert isinstance(invalid, RequestValidationError)
    problems = [{name: problem[name] for name in REPORTED} for problem in invalid.errors()]
    return Response(json.dumps({"detail": problems}), 422, media_type="application/json")

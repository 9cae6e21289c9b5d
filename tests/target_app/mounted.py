"""The reference server below a path of another application, as behind a proxy that removes the path."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from target_app.main import create_app

BELOW = "/below"


def healthz(request: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")


app = Starlette(routes=[Route("/healthz", healthz), Mount(BELOW, create_app())])

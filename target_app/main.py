"""The application: `uvicorn target_app.main:app`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI, Request, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles

from target_app import admin, asyncapi, fallback, login, metrics_http, web
from target_app.body_limit import BodyLimit
from target_app.channels import routers
from target_app.close_reasons import POLICY_VIOLATION, Refusal
from target_app.connection import ChannelClosed, refuse
from target_app.handshake_policy import HandshakePolicy, NoNewcomers
from target_app.invalid_requests import explain
from target_app.peer_faults import log_peer_faults_briefly
from target_app.proxies import TrustedProxies
from target_app.redaction import redact_all_logs
from target_app.services import Services
from target_app.settings import Settings
from target_app.site_policy import SitePolicy
from target_app.startup import OnDemand, Startup
from target_app.stopping import before_stop


async def _refuse_closed(websocket: Request | WebSocket, closed: Exception) -> None:
    assert isinstance(websocket, WebSocket)
    await refuse(websocket, Refusal(POLICY_VIOLATION, "channel_closed"))


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return a new application. Without `settings`, they are read from the environment.

    Raises pydantic.ValidationError if a `TARGET_APP_…` variable has an invalid value.
    """
    services = Services.build(settings or Settings())
    startup = services.shared(Startup)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await startup.ready()
        async with before_stop(services.drain.run):
            yield
        await startup.stop()

    # FastAPI's own documentation pages load scripts from another host; our `/docs` does not.
    app = FastAPI(title="target_app", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.services = services
    app.add_exception_handler(ChannelClosed, _refuse_closed)
    app.add_exception_handler(RequestValidationError, explain)
    redact_all_logs()
    log_peer_faults_briefly()
    if services.settings.backplane_url is not None:
        from target_app.cluster.forwarder import Forwarder  # a single worker imports nothing of `cluster`

        app.add_middleware(Forwarder, services=services, application=app)
    app.add_middleware(fallback.ReaderMayLeave)
    app.add_middleware(BodyLimit, settings=services.settings)
    app.add_middleware(SitePolicy, services=services)
    app.add_middleware(web.HeadersMiddleware)
    app.add_middleware(HandshakePolicy, services=services)
    app.add_middleware(OnDemand, startup=startup)
    app.add_middleware(NoNewcomers, drain=services.drain)
    app.add_middleware(TrustedProxies, settings=services.settings)
    app.include_router(web.router)
    app.include_router(login.router)
    app.include_router(metrics_http.router)
    app.include_router(asyncapi.router)
    app.include_router(admin.router)
    app.include_router(fallback.router)
    services.worker_query.answer(metrics_http.QUESTION, partial(metrics_http.reading, services))
    for router in routers():
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=web.PAGES / "static"), name="static")
    return app


app = create_app()

"""`/admin`: open connections, their queues, and recent endings; commands to kick, broadcast and drain.

For administrators only. Every worker answers for all workers: queries and orders go over the backplane.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from target_app.auth import Admin
from target_app.close_reasons import KICKED, CloseCause, ConnectionEnd
from target_app.connection import Connection
from target_app.messages import Announcement
from target_app.outbox import Outgoing
from target_app.services import Services
from target_app.sessions import Sessions
from target_app.web import page

CONNECTIONS = "connections"
ORDERS = "admin"
MAX_LISTED = 1_000
"""Maximum number of connections that one worker lists, those with the longest queues first."""

KICK = ConnectionEnd(CloseCause.CLOSED, KICKED, "kicked")

router = APIRouter(prefix="/admin")
logger = logging.getLogger("target_app")

Name = Annotated[str, Field(min_length=1, max_length=128)]


class Order(BaseModel):
    """A request of an administrator."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Kick(Order):
    """Close one connection, or all of a user (4004)."""

    connection: Name | None = None
    user: Name | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Kick:
        if (self.connection is None) == (self.user is None):
            raise ValueError("give either `connection` or `user`")
        return self


class Broadcast(Order):
    """Send a text to all connections of typed channels."""

    text: Annotated[str, Field(min_length=1, max_length=1_000)]


class Drain(Order):
    """Close all connections of a worker, and refuse new ones, before it is stopped. Without a name: of all workers."""

    worker: Name | None = None


class AdminOrders:
    """Carries out administrators' orders on this worker. One for each application: `services.shared(AdminOrders)`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._draining: asyncio.Task[None] | None = None
        services.worker_query.answer(CONNECTIONS, self._list)
        services.backplane.subscribe(ORDERS, self._heard)

    async def order(self, kind: str, by: str, order: Order) -> None:
        """Send an order to all workers."""
        wanted = order.model_dump()
        logger.info("admin order=%s by=%s wanted=%r", kind, by, wanted)
        await self._services.backplane.publish(ORDERS, json.dumps([kind, by, wanted]))

    def _heard(self, payload: str) -> None:
        kind, by, wanted = json.loads(payload)
        if kind == "kick":
            self._kick(Kick(**wanted))
        elif kind == "broadcast":
            self._broadcast(Announcement(by=by, **wanted))
        elif wanted["worker"] in (None, self._services.backplane.worker):
            self._draining = asyncio.create_task(self._services.drain.run(), name="drain")

    def _kick(self, kick: Kick) -> None:
        if kick.user is not None:
            self._services.shared(Sessions).close(kick.user, KICK)
            return
        for name, connection in list(self._services.traffic.open()):
            if name == kick.connection and isinstance(connection, Connection):
                connection.drop(KICK)

    def _broadcast(self, announcement: Announcement) -> None:
        message = Outgoing.of(announcement.to_json())
        for _, connection in list(self._services.traffic.open()):
            if isinstance(connection, Connection) and connection.stop_notice is not None:  # its client speaks JSON
                connection.deliver(message)

    def _list(self) -> str:
        services = self._services
        owners, now, loop_now = services.shared(Sessions).owners(), time.monotonic(), asyncio.get_running_loop().time()
        rows: list[dict[str, Any]] = []
        for name, connection in services.traffic.open():
            since = connection.stuck_since()
            rows.append(
                {
                    "id": name,
                    "channel": connection.channel,
                    "user": owners.get(connection),
                    "seconds": round(now - connection.began, 1),
                    "received": connection.received,
                    "sent": connection.sent,
                    "skipped": connection.skipped,
                    "queued_bytes": connection.queued_bytes,
                    "stuck_seconds": 0.0 if since is None else round(loop_now - since, 1),
                }
            )
        rows.sort(key=lambda row: (-row["queued_bytes"], -row["seconds"]))
        ended = [asdict(ending) for ending in reversed(services.traffic.ended)]
        listing = {"draining": services.drain.has_begun, "open": len(rows), "connections": rows[:MAX_LISTED]}
        return json.dumps(listing | {"ended": ended})


@router.get("")
async def admin_page(request: Request) -> HTMLResponse:
    """Return the page. It is public; its data need an administrator."""
    return page(request, "admin")


@router.get("/connections")
async def connections(request: Request, admin: Admin) -> dict[str, Any]:
    """Return the connections of each worker, longest queue first, and its recent endings with their reasons."""
    answers = await Services.of(request).worker_query.ask(CONNECTIONS)
    return {"workers": {worker: json.loads(answer) for worker, answer in answers.items()}}


@router.post("/kick", status_code=202)
async def kick(request: Request, admin: Admin, order: Kick) -> None:
    await Services.of(request).shared(AdminOrders).order("kick", admin.user, order)


@router.post("/broadcast", status_code=202)
async def broadcast(request: Request, admin: Admin, order: Broadcast) -> None:
    await Services.of(request).shared(AdminOrders).order("broadcast", admin.user, order)


@router.post("/drain", status_code=202)
async def drain(request: Request, admin: Admin, order: Drain) -> None:
    await Services.of(request).shared(AdminOrders).order("drain", admin.user, order)

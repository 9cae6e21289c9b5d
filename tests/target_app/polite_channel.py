"""The reference server with a channel whose peers support pings and announced stops. For tests only."""

from __future__ import annotations

import json

from fastapi import WebSocket

from target_app.connection import serve
from target_app.heartbeats import Heartbeat
from target_app.main import create_app

app = create_app()


def stop_notice(reconnect_after_ms: int) -> str:
    return json.dumps({"type": "system.draining", "reconnect_after_ms": reconnect_after_ms})


@app.websocket("/polite")
async def polite(websocket: WebSocket) -> None:
    settings = app.state.services.settings
    heartbeat = Heartbeat('{"type":"ping"}', settings.heartbeat_interval, settings.idle_timeout)
    async with serve(websocket, "polite", heartbeat=heartbeat, stop_notice=stop_notice) as connection:
        async for message in connection:
            if message == "close me":
                connection.send("as you wish")
                connection.close(4004, "kicked")

"""`python -m target_app.lite`: with the options of uvicorn that a WebSocket server needs."""

from __future__ import annotations

import argparse
import logging

import uvicorn

from .settings import Settings


def main() -> None:
    settings = Settings.from_environment()
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}", description="The small server, one worker.")
    parser.add_argument("--host", default="127.0.0.1")  # loopback only, unless another host is given [E10]
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if not settings.token and arguments.host not in ("127.0.0.1", "::1", "localhost"):
        logging.warning("TARGET_APP_TOKEN is not set: whoever reaches %s may connect", arguments.host)  # [E5, E10]
    uvicorn.run(
        f"{__package__}.app:app",
        host=arguments.host,
        port=arguments.port,  # one worker: several would not share a room [12]
        access_log=False,
        proxy_headers=False,
        ws=f"{__package__}.reading:FairProtocol",
        ws_max_size=settings.max_message_bytes,  # uvicorn's default is 16 MiB [E6]
        ws_per_message_deflate=False,  # compression costs memory for each connection [18]
        ws_ping_interval=settings.ping_interval,
        ws_ping_timeout=settings.ping_timeout,
        timeout_graceful_shutdown=5,  # uvicorn's default is to wait without a limit [8]
    )


if __name__ == "__main__":
    main()

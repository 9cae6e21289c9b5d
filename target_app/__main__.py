"""`python -m target_app`: run the reference server, by default on loopback."""

from __future__ import annotations

import argparse
import ipaddress
import os
import sys

import uvicorn
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from target_app.logs import log_config
from target_app.secret_file import VARIABLE, secret_of
from target_app.settings import Settings
from target_app.users import is_demo

CONFIDENTIAL = ("secret", "users", "backplane_url", "metrics_token")
DIRECT = "target_app.direct:DirectWSProtocol"

WORKER_CHECK_TIMEOUT = 30
"""Seconds after which uvicorn replaces a worker that answers no health check. A worker that is still loading answers
none. On a busy machine it takes longer than uvicorn's default of 5 s, and would be replaced again and again."""


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as invalid:
        sys.exit("\n".join(("These settings make no sense; change or unset them:", *map(_complaint, invalid.errors()))))
    except SettingsError as unreadable:
        sys.exit(f"These settings make no sense; change or unset them:\n{unreadable}")


def _complaint(error: ErrorDetails) -> str:
    name = str(error["loc"][0])
    value = "" if name in CONFIDENTIAL else f"={error['input']}"
    return f"TARGET_APP_{name.upper()}{value}: {error['msg']}"


def _check_workers(workers: int, settings: Settings) -> None:
    if workers < 1:
        sys.exit("--workers: 1 or more")
    if workers == 1:
        return
    if settings.backplane_url is None:
        sys.exit(
            "Several workers need a place to meet, a Redis or Valkey server: TARGET_APP_BACKPLANE_URL=redis://...\n"
            "Without it each worker would be a server of its own."
        )
    os.environ[VARIABLE] = secret_of(
        settings
    )  # otherwise each worker has its own secret, and refuses the tokens of the others


def _check_demo_users(host: str, settings: Settings) -> None:
    demo = sorted(name for name, user in settings.users.items() if is_demo(user))
    if demo and not settings.demo_users_anywhere and not _is_loopback(host):
        sys.exit(
            f"--host {host}: everybody knows the passwords of the demo users ({', '.join(demo)}).\n"
            "Set TARGET_APP_USERS to users of your own, or TARGET_APP_DEMO_USERS_ANYWHERE=true if you want it so."
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def main() -> None:
    settings = _settings()
    parser = argparse.ArgumentParser(prog="python -m target_app", description="The reference server.")
    parser.add_argument("--host", default=settings.host, help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=settings.port, help="0: any free one (default: %(default)s)")
    parser.add_argument("--direct", action="store_true", help="write to sockets without ASGI in between")
    parser.add_argument("--workers", type=int, default=1, help="processes; several need a backplane (default: 1)")
    arguments = parser.parse_args()
    _check_demo_users(arguments.host, settings)
    _check_workers(arguments.workers, settings)
    uvicorn.run(
        "target_app.main:app",
        host=arguments.host,
        port=arguments.port,
        workers=arguments.workers,
        log_config=log_config(settings.log_format),
        access_log=False,
        proxy_headers=False,
        ws=DIRECT if arguments.direct else "auto",
        ws_max_size=settings.max_message_bytes,
        ws_per_message_deflate=False,
        ws_ping_interval=settings.ping_interval,
        ws_ping_timeout=settings.ping_timeout,
        timeout_graceful_shutdown=settings.shutdown_timeout,
        timeout_worker_healthcheck=WORKER_CHECK_TIMEOUT,
    )


if __name__ == "__main__":
    main()

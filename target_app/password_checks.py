"""Password checks: limits to failed ones, to their queue, and to their cost for others.

A check needs much memory and CPU time on purpose. So it counts before it begins, and the queue is short. One check runs
at a time, at a low priority, so that guessing is slow and does not slow down other clients.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from target_app import users
from target_app.rate_windows import RateWindow
from target_app.services import Services
from target_app.users import User

MAX_QUEUED = 32
"""Maximum number of checks in the queue, the running one included. A check takes 50 ms, so this is two seconds."""

MAX_QUEUED_OF_ADDRESS = 8
"""Maximum number of checks in the queue for one address, so that one address cannot fill the queue."""

NICENESS = 10
"""Niceness of the thread of the checks, relative to the event loop."""

logger = logging.getLogger("target_app")


class LoginRefused(Exception):
    """The password is not checked. `status` is for HTTP, `retry_after` in seconds."""

    def __init__(self, reason: str, status: int, retry_after: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.retry_after = retry_after


class PasswordChecks:
    """One for each application: `services.shared(PasswordChecks)`."""

    def __init__(self, services: Services) -> None:
        settings = services.settings
        self._services = services
        self._of_name = RateWindow(services, "failed logins", settings.logins_per_minute)
        self._of_address = RateWindow(services, "failed logins of address", settings.logins_per_minute_per_address)
        self._in_all = RateWindow(services, "failed logins in all", settings.logins_per_minute_in_all)
        self._waiting: Counter[tuple[str, ...]] = Counter()
        self._thread = ThreadPoolExecutor(1, "password check", _lower_priority)

    async def authenticate(self, name: str, password: str, address: str) -> User | None:
        """Return the user, or None if the name or the password is wrong. Raises LoginRefused."""
        windows = {("", address, name): self._of_name, ("", address): self._of_address, ("",): self._in_all}
        with self._queued(windows, address):
            for key, window in windows.items():
                # The checks in the queue may fail, too, so count them as failures.
                if not await window.test(*key, cost=self._waiting[key]):
                    if await window.test(*key):
                        raise self._refusal("too_many_logins_at_once", address)
                    raise self._refusal("too_many_failed_logins", address)
            loop, known = asyncio.get_running_loop(), self._services.settings.users
            user = await loop.run_in_executor(self._thread, users.authenticate, known, name, password)
            if user is None:
                for key, window in windows.items():
                    await window.hit(*key)
                self._note("failed", address)
            return user

    @contextmanager
    def _queued(self, keys: dict[tuple[str, ...], RateWindow], address: str) -> Iterator[None]:
        if self._waiting[("",)] >= MAX_QUEUED or self._waiting["", address] >= MAX_QUEUED_OF_ADDRESS:
            raise self._refusal("too_many_logins_at_once", address)
        self._waiting.update(keys.keys())
        try:
            yield
        finally:
            self._waiting.subtract(keys.keys())
            self._waiting = +self._waiting  # drop keys with a count of zero

    def _refusal(self, reason: str, address: str) -> LoginRefused:
        self._note(reason, address)
        status, retry_after = (429, 60) if reason == "too_many_failed_logins" else (503, 1)
        return LoginRefused(reason, status, retry_after)

    def _note(self, what: str, address: str) -> None:
        self._services.counts[f"login.{what}"] += 1
        logger.warning("login %s address=%s", what, address or "-")


def _lower_priority() -> None:
    """Lower the priority of this thread and those that argon2 starts from it, where threads have one of their own."""
    if hasattr(os, "setpriority") and os.uname().sysname == "Linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)

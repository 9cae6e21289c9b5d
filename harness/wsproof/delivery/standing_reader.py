"""One thread that reads for all standing members, so that they cost the schedules no time."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Iterable

from wsproof.delivery.standing_connection import StandingConnection
from wsproof.net.clock import now_ns


class StandingReader:
    """Reads the connections that are given to it until they are taken away."""

    def __init__(self) -> None:
        self._members: list[StandingConnection] = []
        self._lock = threading.Lock()
        self._wake_read, self._wake_write = os.pipe()
        self._stopped = False
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="standing members", daemon=True)
        self._thread.start()

    def add(self, members: Iterable[StandingConnection]) -> None:
        """Read these connections from now on."""
        with self._lock:
            self._members += members
        self._wake()

    def take_back(self, members: Iterable[StandingConnection]) -> None:
        """Read these connections a last time, and give them back to the caller.

        Raises the exception that ended the thread: a bug of wsproof or of a workload.
        """
        with self._lock:
            for member in members:
                if member in self._members:
                    self._members.remove(member)
                if member.is_open:
                    member.read()
        if self._fault is not None:
            raise self._fault

    def stop(self) -> None:
        """End the thread. A second call does nothing."""
        if self._stopped:
            return
        self._stopped = True
        self._wake()
        self._thread.join()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _wake(self) -> None:
        os.write(self._wake_write, b"!")

    def _run(self) -> None:
        try:
            while not self._stopped:
                self._turn()
        except BaseException as fault:  # noqa: BLE001  `take_back` raises it
            self._fault = fault

    def _turn(self) -> None:
        """Wait for input, then let each member read that has some."""
        poll = select.poll()
        poll.register(self._wake_read, select.POLLIN)
        with self._lock:
            by_fileno = {member.client.fileno(): member for member in self._members if member.is_open}
        for fileno in by_fileno:
            poll.register(fileno, select.POLLIN)
        ready = [fileno for fileno, _ in poll.poll(self._wait_ms())]
        if self._wake_read in ready:
            os.read(self._wake_read, 4096)
        with self._lock:
            for fileno in ready:
                member = by_fileno.get(fileno)
                if member is not None and member in self._members and member.is_open:
                    member.read()
            for member in self._members:
                if member.is_open and (due_ns := member.conversation.next_ns) is not None and due_ns <= now_ns():
                    member.wake()

    def _wait_ms(self) -> float | None:
        """Milliseconds to wait for input, until a member has to act by itself; None for ever."""
        with self._lock:
            due = [member.conversation.next_ns for member in self._members if member.is_open]
        times = [at_ns for at_ns in due if at_ns is not None]
        return max(0.0, (min(times) - now_ns()) / 1e6 + 1) if times else None

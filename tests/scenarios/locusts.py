"""Runs Locust in a separate process, since importing it patches the whole process."""

from __future__ import annotations

import json
import os
import pkgutil
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.forked import ROOT, ForkServer
from wsproof.model.load_summary import WorkloadLoad
from wsproof.session.locust_process import Handover

DEADLINE = 90.0
"""Deadline in seconds for the end of a Locust process."""
PROVEN = "proven"
ENOUGH = Path(__file__).with_name("enough.py")
LATENCY = "chat: latency from intended time"
FORK_SERVER = ForkServer(
    [
        "locust.main",
        *(
            f"wsproof.locust.{module.name}"
            for module in pkgutil.iter_modules([str(ROOT / "harness" / "wsproof" / "locust")])
            if module.name != "locustfile"
        ),
        "wsproof.target.server",
        "tests.compiled_templates",  # after Locust, which replaces parts of the standard library
    ]
)


@dataclass(frozen=True)
class Ended:
    """A finished Locust process: exit code, output, and summary."""

    code: int
    output: str
    summary: dict[str, Any] | None

    @property
    def rooms(self) -> dict[str, dict[str, Any]]:
        assert self.summary is not None, self.output
        return {room["workload"]: room for room in self.summary["rooms"]}

    @property
    def code_if_valid(self) -> int:
        """The exit code of a run without a failure: 3 if the generator was too slow for the medians, else 0."""
        loads = [WorkloadLoad.from_json(room) for room in self.rooms.values()]
        return 3 if not loads or any(load.has_void_median for load in loads) else 0

    @property
    def was_frozen(self) -> bool:
        """Whether the machine stopped Locust for a second or more, so that it reports no violations from that time."""
        return "stood still" in json.dumps(self.summary)

    def findings_of(self, workload: str) -> list[dict[str, Any]]:
        """Return the findings about the users of one workload."""
        assert self.summary is not None, self.output
        return [finding for finding in self.summary["findings"] if finding["section"] == workload]


class Locust:
    """A Locust process, headless unless `web` is given. Its summary is written to `folder`."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        host: str | None = None,
        users: int = 6,
        seconds: int = 3,
        spawn_rate: int = 100,
        files: str = "scenarios",
        cwd: Path = ROOT,
        env: Mapping[str, str] | None = None,
        web: bool = False,
    ) -> None:
        self.folder = folder
        self.summary = folder / "summary.json"
        self.log = folder / "locust.log"
        headless = ("--headless", "--only-summary", "--users", str(users), "--spawn-rate", str(spawn_rate))
        command = [
            *("locust", "-f", files),
            *(() if web else (*headless, "--run-time", f"{seconds}s")),
            *(("--host", host) if host is not None else ()),
            *arguments,
        ]
        settings = {**Handover(summary=str(self.summary)).to_environment(), **(env or {})}
        with self.log.open("wb") as output:
            self.process = FORK_SERVER.fork(command, {**os.environ, **settings}, output, output, cwd)

    def output(self) -> str:
        """Return the output so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def end(self) -> Ended:
        """Wait for its end."""
        try:
            code = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"Locust did not end within {DEADLINE:g} s:\n{self.output()}") from None
        summary = json.loads(self.summary.read_text()) if self.summary.is_file() else None
        return Ended(code, self.output(), summary)

    def kill(self) -> None:
        """Kill the process."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def run_until(folder: Path, rows: str, *arguments: str, **options: Any) -> Locust:
    """Start a Locust process whose test ends once these rows of its table have enough requests: see `enough.py`.

    `count`: the number of requests, if not the usual one.
    """
    count = options.pop("count", None)
    settings = {"ENOUGH_ROWS": rows} | ({} if count is None else {"ENOUGH_COUNT": str(count)})
    files = f"{options.pop('files', 'scenarios')},{ENOUGH}"
    return Locust(folder, *arguments, files=files, seconds=600, env=settings | options.pop("env", {}), **options)


def wait_for(condition: Callable[[], Any], what: str, locust: Locust) -> Any:
    """Wait until the condition is true, and return its value."""
    ends = time.monotonic() + DEADLINE
    while not (answer := condition()):
        assert locust.process.poll() is None, f"Locust ended before {what}:\n{locust.output()}"
        assert time.monotonic() < ends, f"never: {what}\n{locust.output()}"
        time.sleep(0.05)
    return answer


def start_until_proven(folder: Path, fault: str, *arguments: str, users: int = 3) -> Locust:
    """Start a test of a server of `planted.py`, to be ended by `end_proven`."""
    host, settings = f"tests.scenarios.planted:{fault}", {"PROVEN": str(folder / PROVEN)}
    return Locust(folder, "ChatUser", *arguments, host=host, users=users, seconds=600, env=settings)


def end_proven(locust: Locust) -> Ended:
    """Stop the test when the server has broadcast enough messages, however long that takes on a busy machine."""
    wait_for((locust.folder / PROVEN).exists, "enough broadcasts", locust)
    locust.process.terminate()
    return locust.end()


def run_together(
    start: Callable[[str], Locust], names: Iterable[str], end: Callable[[Locust], Ended] = Locust.end
) -> dict[str, Ended]:
    """Start one for each name, all at once (they are mostly idle), and wait for all of them."""
    started: dict[str, Locust] = {}
    try:
        for name in names:
            started[name] = start(name)
        return {name: end(locust) for name, locust in started.items()}
    finally:
        for locust in started.values():
            locust.kill()


def run(folder: Path, *arguments: str, **options: Any) -> Ended:
    """Start a Locust process and wait for its end."""
    return Locust(folder, *arguments, **options).end()

"""Recorder of a run. It writes each result at once, so a crash or Ctrl-C loses nothing that was recorded."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from wsproof.errors import TargetError, UsageError
from wsproof.model.finding import Finding, Verdict
from wsproof.model.record import RunRecord
from wsproof.model.secrecy import learned_count
from wsproof.report.store.atomic import write_text
from wsproof.report.store.environment import git_facts, machine_facts
from wsproof.report.store.runs import RunStore
from wsproof.report.text.sanitize import clean_line
from wsproof.session.console import SILENT, Console
from wsproof.target.server import RunningServer

Closing = Callable[[RunRecord, Path], Iterable[str]]
"""A function that returns the closing sentences for a record and the path of its page."""


class RunRecorder:
    """Context manager that keeps the record of the running command in its run folder.

    A normal exit marks the record complete; an exception leaves it marked incomplete. Both write the page. A usage
    error before any result removes the folder instead.
    """

    def __init__(self, store: RunStore, command: str, cwd: Any, console: Console) -> None:
        git = git_facts(cwd)
        self.console = console
        self.closing: Closing | None = None
        """Returns the sentences to print at the end of a complete run. None: only the path of the page is printed."""
        self.folder = store.new_run(command, git)
        self.began = time.monotonic()
        self.record = RunRecord(
            id=self.folder.id,
            command=command,
            started_utc=datetime.now(UTC).isoformat(timespec="seconds"),
            git=git,
            machine=machine_facts(),
        )

    def change(self, **changes: Any) -> None:
        """Change fields of the record, and write the record to its folder."""
        self.record = self.record.but(wall_s=round(time.monotonic() - self.began, 3), **changes)
        self.folder.write(self.record)

    def keep_output(self, server: RunningServer) -> None:
        """Keep the output of a server that wsproof started as a file of the run."""
        if server.owned:
            server.keep_output(self.folder.server_log)
            self.change(server_log=self.folder.server_log.name)

    def __enter__(self) -> Self:
        self.change()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, UsageError) and not isinstance(error, TargetError) and self._is_empty():
            shutil.rmtree(self.folder.path)  # a usage error before any result: keep no run
            return
        self.change(complete=error is None)
        self._hide_in_output()
        from wsproof.report.formats.page import write_page  # loads Jinja2, which only the page needs

        page = write_page(self.folder)
        if error is None and self.closing is not None:
            for sentence in self.closing(self.record, page):
                self.console.say(clean_line(sentence))
            return
        label = "page" if error is None else "partial record kept; page"
        self.console.say(f"{label}: {page}")

    def _is_empty(self) -> bool:
        """Whether the record has no results yet."""
        record = self.record
        checked = record.check is not None and record.check.checks_run
        return not (record.findings or record.metrics or checked or record.load or record.capacity)

    def _hide_in_output(self) -> None:
        """Hide secrets in the server's log that were not known as secrets when the server wrote them."""
        output = self.folder.server_log
        if output.is_file() and learned_count():
            write_text(output, output.read_text(encoding="utf-8", errors="replace"))


@contextmanager
def kept_findings(command: str, target: Mapping[str, Any]) -> Iterator[Callable[[Finding], Finding]]:
    """Yield a function that keeps findings in a separate run. The first finding begins this run."""
    folder = Path.cwd()
    with ExitStack() as run:
        log: list[RunRecorder] = []

        def keep(finding: Finding) -> Finding:
            if not log:
                log.append(run.enter_context(RunRecorder(RunStore.open(None, folder), command, folder, SILENT)))
                log[0].change(target=target, verdict=Verdict.INVALID)
            (stored,) = log[0].folder.keep_findings([finding], target)
            log[0].change(measured_findings=(*log[0].record.measured_findings, stored))
            return stored

        yield keep

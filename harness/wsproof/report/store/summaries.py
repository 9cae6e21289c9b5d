"""Summaries of all runs of a store, with a cache.

A record has 30 to 80 kB, its summary 2 kB. The file `runs/.summaries.json` keeps the summaries of records that have
not changed since, so that an index of 1,000 runs need not read 80 MB. The file can be deleted at any time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsproof.errors import UsageError
from wsproof.report.store.atomic import write_text
from wsproof.report.store.run_dir import RUN_FILE, RunDir, read_object
from wsproof.report.store.run_summary import WRONG, RunSummary, summary_of_record
from wsproof.report.store.runs import RunStore

__all__ = ["StoredRun", "read_summaries"]

FORMAT = 1
"""The version of the cache: increase it when `RunSummary`, or how it is made of a record, changes."""


@dataclass(frozen=True)
class StoredRun:
    """A run's folder with its summary. Without a readable record the summary is None, and `problem` says why."""

    folder: RunDir
    summary: RunSummary | None
    problem: str = ""


def read_summaries(store: RunStore) -> list[StoredRun]:
    """The summaries of all runs, oldest first, including runs whose record cannot be read."""
    cached = _read_cache(store)
    kept: dict[str, Any] = {}
    runs = [_read(folder, cached, kept) for folder in store.runs()]
    if kept != cached:
        # The cache only saves time: a folder that cannot be written is read again the next time.
        with suppress(OSError):
            write_text(_cache_path(store), json.dumps({"format": FORMAT, "runs": kept}))
    return runs


def _read(folder: RunDir, cached: Mapping[str, Any], kept: dict[str, Any]) -> StoredRun:
    """Read one run, from the cache if its record has not changed since. Adds it to `kept`."""
    path = folder.path / RUN_FILE
    try:
        stamp = _stamp(path.stat())
        entry = cached.get(folder.id)
        if isinstance(entry, dict) and entry.get("stamp") == stamp:
            with suppress(*WRONG):  # a damaged cache: the record itself is read below
                run = StoredRun(folder, RunSummary.from_json(entry["summary"]))
                kept[folder.id] = entry
                return run
    except OSError:
        stamp = []
    try:
        summary = summary_of_record(folder.id, read_object(path))
    except UsageError as error:
        return StoredRun(folder, None, str(error))
    kept[folder.id] = {"stamp": stamp, "summary": summary.to_json()}
    return StoredRun(folder, summary)


def _stamp(status: os.stat_result) -> list[int]:
    """What changes whenever a file is written anew."""
    return [status.st_mtime_ns, status.st_size, status.st_ino]


def _cache_path(store: RunStore) -> Path:
    return store.root / "runs" / ".summaries.json"


def _read_cache(store: RunStore) -> dict[str, Any]:
    """The entries of the cache by run; empty if there is none, or one of another format."""
    try:
        data = json.loads(_cache_path(store).read_text(encoding="utf-8"))
        return dict(data["runs"]) if data["format"] == FORMAT else {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}

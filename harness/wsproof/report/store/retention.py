"""Removes the oldest runs of a store, on request only."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass

from wsproof.errors import UsageError
from wsproof.report.store.run_dir import RunDir
from wsproof.report.store.runs import RunStore

__all__ = ["Removal", "remove_oldest"]

RUNNING_S = 24 * 3600.0
"""A run without a complete record may still be running if its folder has changed within this time."""


@dataclass(frozen=True)
class Removal:
    """The runs that were removed, and the old ones that were kept because something points to them."""

    removed: tuple[str, ...]
    protected: tuple[str, ...]


def remove_oldest(store: RunStore, keep: int, *, now: float | None = None) -> Removal:
    """Remove all runs but the `keep` newest ones.

    A run is kept if a link in the store points to it (`latest`, or one that the user made for a baseline), if a stored
    comparison names it, or if it may still be running.

    Raises:
        UsageError: a folder cannot be removed.
    """
    runs = store.runs()
    old = runs[: max(len(runs) - keep, 0)]
    named = _linked(store) | _compared(store)
    moment = time.time() if now is None else now
    protected = [run.id for run in old if run.id in named or _may_be_running(run, moment)]
    removed = [run for run in old if run.id not in protected]
    for run in removed:
        _remove(run)
    return Removal(tuple(run.id for run in removed), tuple(protected))


def _linked(store: RunStore) -> set[str]:
    links = (path for path in store.root.iterdir() if path.is_symlink()) if store.root.is_dir() else ()
    return {link.resolve().name for link in links}


def _compared(store: RunStore) -> set[str]:
    names: set[str] = set()
    for folder in store.comparisons():
        try:
            comparison = folder.read()
        except UsageError:
            continue  # a damaged comparison names no run
        names |= {str(side.get("id")) for side in (comparison.base, comparison.candidate)}
    return names


def _may_be_running(run: RunDir, now: float) -> bool:
    if now - run.path.stat().st_mtime >= RUNNING_S:
        return False
    try:
        return not run.read().complete
    except UsageError:
        return True  # without a readable record the age decides


def _remove(run: RunDir) -> None:
    """Rename the folder first: a removal that is interrupted leaves no run that lacks some of its files."""
    hidden = run.path.with_name(f".removed-{run.id}")
    try:
        run.path.rename(hidden)
        shutil.rmtree(hidden)
    except OSError as error:
        raise UsageError(f"cannot remove the run {run.id}: {error.strerror or error}") from error

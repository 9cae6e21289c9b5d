"""The store of runs and comparisons.

    ROOT/runs/UTC-branch-sha-random/{run.json, columns/, findings/, page.html}
    ROOT/comparisons/UTC-base-vs-candidate-random/{compare.json, findings/, page.html}
    ROOT/latest -> the run that began last

ROOT is `reports` in a checkout of wsproof, `.wsproof` elsewhere, or the value of `--out`. The random part allows two
runs to begin in the same second.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wsproof.errors import UsageError
from wsproof.report.store.run_dir import RUN_FILE, ComparisonDir, RunDir

UNFIT = re.compile(r"[^A-Za-z0-9._]+")
"""Characters that are replaced in directory names."""
SHOWN = 8
"""Maximum number of runs that an error message lists."""


@dataclass(frozen=True)
class RunStore:
    """All runs and comparisons below one directory."""

    root: Path

    @classmethod
    def open(cls, out: Path | None = None, cwd: Path | None = None) -> RunStore:
        """The store of the directory `cwd`, or the one at `out`. Creates nothing yet.

        Raises:
            UsageError: `out` is a file.
        """
        here = Path.cwd() if cwd is None else cwd
        if out is not None:
            root = here / out
            if root.exists() and not root.is_dir():
                raise UsageError(f"expected a folder for --out, but {out} is a file. Name another one.")
            return cls(root)
        checkout = _checkout(here)
        return cls(checkout / "reports" if checkout else here / ".wsproof")

    @property
    def index_path(self) -> Path:
        """Path of the page that lists all runs."""
        return self.root / "runs" / "index.html"

    def new_run(self, command: str, git: Mapping[str, Any], began: datetime | None = None) -> RunDir:
        """Create the directory of a run that begins now, without a record.

        `began`: when a run of the past began, which another tool made. The link `latest` stays as it is.
        """
        branch, sha = git.get("branch"), git.get("sha")
        parts = [_fit(branch or "detached"), sha[:9]] if sha else ["no-git"]
        folder = RunDir(self._make("runs", parts, began), command)
        folder.columns.mkdir()
        if began is None:
            self._point_latest(folder.path)
        return folder

    def new_comparison(self, base: str, candidate: str) -> ComparisonDir:
        """Create the directory of a comparison of these two refs."""
        return ComparisonDir(self._make("comparisons", [_fit(base), "vs", _fit(candidate)]))

    def runs(self) -> list[RunDir]:
        """Every run directory, newest last, including those with an unreadable record."""
        return [RunDir(path) for path in self._folders("runs")]

    def comparisons(self) -> list[ComparisonDir]:
        """Every comparison directory, newest last."""
        return [ComparisonDir(path) for path in self._folders("comparisons")]

    def find(self, ref: str | os.PathLike[str] = "latest") -> RunDir:
        """The run that `ref` names: "latest", an id, the start or the random end of an id, or a path.

        A link in the store, such as `baseline -> runs/ID`, is also a name of the run that it points to.

        Raises:
            UsageError: no run or several runs match; the message lists candidates.
        """
        name = os.fspath(ref)
        path = Path(name)
        if path.is_file() and path.name == RUN_FILE:
            return RunDir(path.resolve().parent)
        if (path / RUN_FILE).is_file():
            return RunDir(path.resolve())
        runs = self.runs()
        if name == "latest" and runs:
            return self._latest(runs)
        if (self.root / name).is_symlink():
            pointed = (self.root / name).resolve().name
            runs = [run for run in runs if run.id == pointed] or runs
            name = pointed
        exact = [run for run in runs if run.id == name]
        matches = exact or [run for run in runs if name and (run.id.startswith(name) or run.id.endswith(f"-{name}"))]
        if len(matches) == 1:
            return matches[0]
        raise UsageError(_lost(name, matches, runs))

    def _make(self, kind: str, parts: list[str], began: datetime | None = None) -> Path:
        """Create a new directory. Raises UsageError if that is not possible."""
        while True:
            moment = (began or datetime.now(UTC)).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
            path = self.root / kind / "-".join([moment, *parts, secrets.token_hex(3)])
            try:
                path.mkdir(parents=True)
            except FileExistsError:
                if not path.is_dir():
                    raise UsageError(
                        f"cannot make folders below {self.root}, because a file there has the same name"
                    ) from None
                continue
            except OSError as error:
                reason = error.strerror or type(error).__name__
                raise UsageError(f"cannot write to {self.root}: {reason}; name another folder with --out") from error
            (path / "findings").mkdir()
            self._stay_out_of_git()
            return path

    def _stay_out_of_git(self) -> None:
        """Add a .gitignore, so that runs in a user's project do not show up in git."""
        ignore = self.root / ".gitignore"
        if self.root.name == ".wsproof" and not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")

    def _folders(self, kind: str) -> list[Path]:
        place = self.root / kind
        if not place.is_dir():
            return []
        return sorted(path for path in place.iterdir() if path.is_dir() and not path.name.startswith("."))

    def _latest(self, runs: list[RunDir]) -> RunDir:
        """The run that the link `latest` points to, else the newest."""
        link = self.root / "latest"
        pointed = link.resolve().name if link.is_symlink() and link.is_dir() else ""
        return next((run for run in runs if run.id == pointed), runs[-1])

    def _point_latest(self, path: Path) -> None:
        # The link is replaced in one step, so two runs that begin together leave a valid one.
        beside = self.root / f".latest-{secrets.token_hex(4)}"
        beside.symlink_to(path.relative_to(self.root), target_is_directory=True)
        try:
            beside.replace(self.root / "latest")
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise UsageError(f"cannot point {self.root / 'latest'} at the new run: {error.strerror}") from error


def _checkout(cwd: Path) -> Path | None:
    """The checkout of wsproof that contains a directory, if any."""
    here = cwd.resolve()
    return next((up for up in [here, *here.parents] if (up / "harness" / "wsproof" / "__init__.py").is_file()), None)


def _fit(name: str) -> str:
    """A name without characters that are unsuitable for a directory."""
    return UNFIT.sub("-", name).strip("-.")[:40] or "unnamed"


def _lost(name: str, matches: list[RunDir], runs: list[RunDir]) -> str:
    """The error message for a ref that matches no run or several."""
    if not runs:
        return f"expected the run {name!r}, but there are no runs here yet; `wsproof run` makes one"
    shown = matches or runs
    listed = "\n".join(f"  {run.id}" for run in reversed(shown[-SHOWN:]))
    more = f"\n  and {len(shown) - SHOWN} older" if len(shown) > SHOWN else ""
    problem = f"{len(matches)} runs are called {name!r}" if matches else f"there is no run called {name!r}"
    return f"{problem}; type a longer part of one of these, or `latest`:\n{listed}{more}"

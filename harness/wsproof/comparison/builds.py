"""The two builds of a comparison: their worktrees, their environments, and the targets that start them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from wsproof.comparison.build_error import BuildError
from wsproof.comparison.build_step import run_step
from wsproof.comparison.commits import ComparedCommits
from wsproof.comparison.environment import BuildEnvironment, add_server, import_path, make_environment
from wsproof.comparison.order import Side
from wsproof.comparison.repository import checked_out
from wsproof.comparison.submodules import check_out_submodules
from wsproof.errors import TargetError, UsageError
from wsproof.load import Progress, Watcher
from wsproof.load.progress import ignore
from wsproof.target.target import Target

TargetFactory = Callable[[Path, str | None], Target]
"""Creates the target of a build from the directory in which it starts and the path of its Python (None: the current
one)."""


@dataclass(frozen=True)
class Preparation:
    """How a build is prepared, and the target that starts it.

    `setup` is a shell command that runs in each worktree. `variables` are those of the servers of both builds.
    """

    target: TargetFactory
    setup: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def prepared_builds(
    commits: ComparedCommits, preparation: Preparation, progress: Watcher | None = None
) -> Iterator[dict[Side, Target]]:
    """Check out and prepare both builds in temporary worktrees.

    Yields the target that starts each, and removes the worktrees on exit.

    Raises:
        BuildError: a build cannot be prepared. The message says which one, and has the output of the failed command.
        UsageError: the target is not valid in a build, or is a URL.
        GitError: git cannot check out a commit.
    """
    targets: dict[Side, Target] = {}
    with ExitStack() as stack:
        for side in (Side.BASE, Side.CANDIDATE):
            commit = commits.commit_of(side)
            (progress or ignore)(Progress(f"prepare {commit.ref}", 0.0, "checking out"))
            tree = stack.enter_context(checked_out(commits.repository, commit))
            try:
                check_out_submodules(commits.repository, tree)
                targets[side] = _prepare(side, commits, preparation, tree)
            except TargetError as failed:
                raise BuildError(side, f"in {commit.label}: {failed}") from failed
            except UsageError as wrong:
                raise UsageError(f"in {commit.label}: {wrong}") from wrong
        yield targets | {Side.BASE_AGAIN: targets[Side.BASE]}


def _prepare(side: Side, commits: ComparedCommits, preparation: Preparation, tree: Path) -> Target:
    folder = tree / commits.folder
    if not folder.is_dir():
        raise UsageError(f"there is no directory {commits.folder}, in which this command was called")
    require_ours(preparation.target(folder, None))
    environment = _environment(side, commits, preparation, tree)
    target = preparation.target(folder, environment.python if environment else None)
    variables = dict(preparation.variables)
    if environment is not None:
        add_server(environment, target)
        variables |= environment.variables
    if environment is None or not environment.has_project:
        variables["PYTHONPATH"] = import_path(commits.repository.root.resolve(), tree)
    return target.with_env(variables)


def require_ours(target: Target) -> None:
    """Raise UsageError if wsproof does not start the target itself."""
    if not target.is_ours:
        raise UsageError(
            f"{target.spec} is already running, so it cannot be two builds at once: name an app "
            "(pkg.module:app) or a cmd: target, or measure twice with `wsproof bench` and compare the two runs"
        )


def _environment(side: Side, commits: ComparedCommits, preparation: Preparation, tree: Path) -> BuildEnvironment | None:
    """Install the packages of a build, if they differ, and run the setup command. None: the current environment.

    A setup command may install what wsproof cannot, so a failed installation counts only if it makes no `.venv`.
    """
    environment, problem = None, None
    declared = commits.own_packages(side)
    if declared is not None:
        try:
            place, venv = tree / declared.folder, tree.parent / "venv"
            environment = make_environment(place, venv, has_uv_lock=declared.has_uv_lock)
        except TargetError as failed:
            problem = failed
    if preparation.setup is not None:
        variables = environment.variables if environment else {}
        run_step(preparation.setup, tree / commits.folder, variables, f"--setup `{preparation.setup}`")
        made = BuildEnvironment.made_in(tree / commits.folder, tree)
        if made is not None:
            return made
    if problem is not None:
        raise TargetError(
            f"the two builds need different packages, and those of this one cannot be installed: {problem}\n"
            "To install them in another way, add --setup with a command that makes an environment in .venv"
        ) from problem
    return environment

"""The submodules of a worktree, which git leaves out when it makes one."""

from __future__ import annotations

from pathlib import Path

from wsproof.comparison.repository import Repository


def check_out_submodules(repository: Repository, tree: Path) -> None:
    """Check out all submodules of the worktree `tree`, from the clones in the repository where these exist.

    Raises:
        GitError: git cannot check them out. The message has git's own error output.
    """
    if not (tree / ".gitmodules").is_file():
        return
    names = Repository(tree).submodules()
    cloned = {name: place for name in names if (place := repository.git_folder / "modules" / name).is_dir()}
    settings = [f"submodule.{name}.url={place}" for name, place in cloned.items()]
    if len(cloned) == len(names):
        # git clones from a folder only if that protocol is allowed. These folders are git's own.
        settings.append("protocol.file.allow=always")
    options = [part for setting in settings for part in ("-c", setting)]
    Repository(tree).run(*options, "submodule", "--quiet", "update", "--init", "--recursive")

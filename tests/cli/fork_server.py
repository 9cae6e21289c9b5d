"""Runs each `wsproof` command in a forked process. The parent imports the common modules once.

Reads one command per line from standard input, as JSON. Prints the process id, and the exit code at the end.
"""

from __future__ import annotations

import json
import os
import pkgutil
import sys
from importlib import import_module
from typing import Any

import wsproof.cli


def serve() -> list[str]:
    """Fork a child for each command. Returns only in a child, with the arguments of its command."""
    for line in sys.stdin.buffer:
        pid = os.fork()
        if pid == 0:
            return become(json.loads(line))
        print(pid, flush=True)  # noqa: T201  the answer
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201  the answer
    sys.exit()


def become(command: dict[str, Any]) -> list[str]:
    """Switch to the folder, the environment and the files of the command."""
    os.chdir(command["cwd"])
    os.environ.clear()
    os.environ.update(command["env"])
    for number, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, command["out"], os.O_WRONLY),
        (2, command["err"], os.O_WRONLY),
    ):
        file = os.open(path, flags)
        os.dup2(file, number)
        os.close(file)
    sys.path.insert(0, command["cwd"])  # as under `python -m`
    sys.argv[1:] = command["words"]
    words: list[str] = command["words"]
    return words


if __name__ == "__main__":
    for package in ("cli", "session"):
        for module in pkgutil.iter_modules(import_module(f"wsproof.{package}").__path__):
            if module.name != "__main__":
                import_module(f"wsproof.{package}.{module.name}")
    sys.exit(wsproof.cli.main(serve()))

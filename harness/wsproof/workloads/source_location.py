"""Where a user's workload stands: file and line, for messages."""

from __future__ import annotations

import inspect
import os
import traceback
from pathlib import Path

_OURS = "wsproof."


def own_classes(kind: type) -> list[type]:
    """The class and those of its bases that the user wrote, the class itself first."""
    return [each for each in kind.__mro__ if not f"{each.__module__}.".startswith(_OURS) and each is not object]


def place_of_class(kind: type) -> str:
    """`my_channels.py:12`; the module's name where there is no file."""
    try:
        _, line = inspect.getsourcelines(kind)
        return _shown(inspect.getsourcefile(kind) or kind.__module__, line)
    except (OSError, TypeError):
        return kind.__module__


def place_of_member(kind: type, name: str) -> str:
    """Where the user's class defines this method or attribute; where it begins, if it is inherited from ours."""
    for each in own_classes(kind):
        value = vars(each).get(name)
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if inspect.isfunction(function):
            return _shown(function.__code__.co_filename, function.__code__.co_firstlineno)
        if name in vars(each):
            return place_of_class(each)
    return place_of_class(kind)


def place_of_fault(fault: BaseException, files: set[str]) -> str | None:
    """The innermost line of these files in the traceback of an exception; None if it never was in them."""
    frames = traceback.extract_tb(fault.__traceback__)
    own = [frame for frame in frames if os.path.realpath(frame.filename) in files]
    return _shown(own[-1].filename, own[-1].lineno or 0) if own else None


def files_of(kind: type) -> set[str]:
    """The source files of the class and of its bases that are not ours."""
    files = set()
    for each in own_classes(kind):
        try:
            files.add(os.path.realpath(inspect.getfile(each)))
        except (OSError, TypeError):
            continue  # made in an interactive session: it has no file
    return files


def shown_file(file: str) -> str:
    """A file as people would type it from here."""
    path, here = Path(file).resolve(), Path.cwd().resolve()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _shown(file: str, line: int) -> str:
    return f"{shown_file(file)}:{line}"

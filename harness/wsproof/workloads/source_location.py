"""Source locations in a user's workload, for error messages."""

from __future__ import annotations

import inspect
import os
import traceback
from pathlib import Path

_OURS = "wsproof."
"""Prefix of the modules that belong to wsproof."""


def own_classes(kind: type) -> list[type]:
    """The class and its bases, as far as the user wrote them. The class itself comes first."""
    return [each for each in kind.__mro__ if not f"{each.__module__}.".startswith(_OURS) and each is not object]


def place_of_class(kind: type) -> str:
    """The place of a class, as `my_channels.py:12`; the module's name if it has no file."""
    try:
        _, line = inspect.getsourcelines(kind)
        return _shown(inspect.getsourcefile(kind) or kind.__module__, line)
    except (OSError, TypeError):
        return kind.__module__


def place_of_member(kind: type, name: str) -> str:
    """The place where the user's class defines a method or attribute.

    The beginning of the class if it inherits the member from wsproof.
    """
    for each in own_classes(kind):
        value = vars(each).get(name)
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if inspect.isfunction(function):
            return _shown(function.__code__.co_filename, function.__code__.co_firstlineno)
        if name in vars(each):
            return place_of_class(each)
    return place_of_class(kind)


def place_of_fault(fault: BaseException, files: set[str]) -> str | None:
    """The innermost line of a traceback that lies in one of these files; None if no line does."""
    frames = traceback.extract_tb(fault.__traceback__)
    own = [frame for frame in frames if os.path.realpath(frame.filename) in files]
    return _shown(own[-1].filename, own[-1].lineno or 0) if own else None


def files_of(kind: type) -> set[str]:
    """The source files of the class and of its bases that the user wrote."""
    files = set()
    for each in own_classes(kind):
        try:
            files.add(os.path.realpath(inspect.getfile(each)))
        except (OSError, TypeError):
            continue  # defined in an interactive session, without a file
    return files


def shown_file(file: str) -> str:
    """The path of a file, relative to the current directory if it is inside."""
    path, folder = Path(file).resolve(), Path.cwd().resolve()
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _shown(file: str, line: int) -> str:
    return f"{shown_file(file)}:{line}"

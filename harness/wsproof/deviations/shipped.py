"""Known deviations of server libraries that ship with wsproof, one file per server in `servers/`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from wsproof.deviations.deviation import Deviation
from wsproof.deviations.toml_file import parse_deviation
from wsproof.errors import UsageError

__all__ = ["require_hint", "shipped_deviations", "shipped_names"]

_FOLDER = files("wsproof.deviations").joinpath("servers")


@dataclass(frozen=True, slots=True)
class _File:
    """One shipped file.

    `packages` are those whose versions the title names. A `part` is only included by other files.
    """

    title: str
    packages: tuple[str, ...]
    includes: tuple[str, ...]
    part: bool
    deviations: tuple[Deviation, ...]


@cache
def shipped_names() -> tuple[str, ...]:
    """The servers with shipped deviations: the values of `--server-hint`."""
    names = sorted(entry.name.removesuffix(".toml") for entry in _FOLDER.iterdir() if entry.name.endswith(".toml"))
    return tuple(name for name in names if not _file(name).part)


def require_hint(name: str) -> None:
    """Check the value of `--server-hint`.

    Raises:
        UsageError: no known deviations ship for this server.
    """
    if name not in shipped_names():
        raise UsageError(
            f"no known deviations of {name!r}. Try --server-hint with one of: {', '.join(shipped_names())}"
        )


def shipped_deviations(name: str, installed: Mapping[str, str] | None) -> tuple[Deviation, ...]:
    """The known deviations of the server `name` on these installed versions (None: unknown, so of any version).

    Empty for a server without a file. Equal deviations of included files are listed once.
    """
    if name not in shipped_names():
        return ()
    title = _title(_file(name), installed)
    deviations: list[Deviation] = []
    for each in _with_included(name):
        if each not in deviations and (installed is None or each.applies_to(installed)):
            deviations.append(each)
    return tuple(replace(each, library=title) for each in deviations)


def _with_included(name: str) -> Iterator[Deviation]:
    """The deviations of a file, then those of the files that it includes."""
    own = _file(name)
    yield from own.deviations
    for other in own.includes:
        yield from _with_included(other)


def _title(file: _File, installed: Mapping[str, str] | None) -> str:
    """`uvicorn 0.54.0 on websockets 17.4`; without versions, the title of the file."""
    versions = [f"{name} {installed[name]}" for name in file.packages if installed is not None and name in installed]
    return " on ".join(versions) or file.title


@cache
def _file(name: str) -> _File:
    """Read a shipped file."""
    data = tomllib.loads(_FOLDER.joinpath(f"{name}.toml").read_text(encoding="utf-8"))
    return _File(
        title=data["title"],
        packages=tuple(data.get("packages", ())),
        includes=tuple(data.get("includes", ())),
        part=data.get("part", False),
        deviations=tuple(
            parse_deviation(f"{name}.toml", number, table)
            for number, table in enumerate(data.get("deviation", ()), start=1)
        ),
    )

"""The table `[tool.wsproof]` of a project's pyproject.toml: options that need not be typed.

    [tool.wsproof]
    target = "my_app:app"
    channels = "my_channels"

    [tool.wsproof.bench]
    slo = ["p99(latency) < 100ms"]

The table itself describes the target. A table inside it has the options of one verb, or of pytest.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from string import Template
from typing import Any

from wsproof.errors import UsageError
from wsproof.session.option import Option, options_in
from wsproof.session.options import (
    IN_PYTEST,
    BenchOptions,
    BisectOptions,
    CapacityOptions,
    CheckOptions,
    CompareOptions,
    KeptOptions,
    LoadOptions,
    PytestOptions,
    RunOptions,
    ServeOptions,
)

NAME = "pyproject.toml"
OPTIONS_OF: dict[str, type] = {
    "check": CheckOptions,
    "bench": BenchOptions,
    "capacity": CapacityOptions,
    "load": LoadOptions,
    "run": RunOptions,
    "compare": CompareOptions,
    "bisect": BisectOptions,
    "serve": ServeOptions,
    "pytest": PytestOptions,
}
"""The tables inside `[tool.wsproof]`, with the options that each may have."""
OF_ANY_TARGET = ("channels", "settings", "out")
"""Options that also apply to a target of the command line. All others belong to the target of the file."""
FROM_ENVIRONMENT = ("token", "header", "env", "login", "metrics_token")
"""Options whose values may name environment variables: `token = "$SHOP_TOKEN"`."""


@dataclass(frozen=True)
class ProjectFile:
    """The options of a project, with the values of the TOML file: texts, numbers, booleans, and lists of texts."""

    common: Mapping[str, Any] = field(default_factory=dict)
    of_verbs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def target(self) -> str | None:
        """The target that the file names; None without one."""
        return self.common.get("target")

    def names(self, verb: str, cls: type) -> set[str]:
        """The field names of the options that the file has for a verb."""
        return (self.common.keys() & options_in(cls).keys()) | self.of_verbs.get(verb, {}).keys()

    def options(self, verb: str, cls: type, target: str | None) -> dict[str, Any]:
        """The options for a verb, by field name. `target` is that of the command line; None if it has none.

        Options of the file's target do not apply to another target. Environment variables are filled in.

        Raises:
            UsageError: an option names an environment variable that is not set.
        """
        names = options_in(cls).keys() if target in (None, self.target) else options_in(cls).keys() & set(OF_ANY_TARGET)
        common = {name: value for name, value in self.common.items() if name in names}
        own = self.of_verbs.get(verb, {})
        return {
            **{name: _filled(name, value, "tool.wsproof") for name, value in common.items()},
            **{name: _filled(name, value, f"tool.wsproof.{verb}") for name, value in own.items()},
        }


def read_project_file(folder: Path) -> ProjectFile:
    """The options in `folder`/pyproject.toml; none without the file or its table.

    Raises:
        UsageError: the file is not valid TOML, or its table has an unknown option or a value of the wrong type.
    """
    try:
        document = tomllib.loads((folder / NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ProjectFile()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{NAME} cannot be read: {error}") from error
    table = document.get("tool", {}).get("wsproof", {})
    of_verbs = {
        name: _read(value, OPTIONS_OF[name], f"tool.wsproof.{name}", _offered(name))
        for name, value in table.items()
        if isinstance(value, dict) and name in OPTIONS_OF
    }
    rest = {name: value for name, value in table.items() if name not in of_verbs}
    return ProjectFile(_read(rest, KeptOptions, "tool.wsproof", options_in(KeptOptions)), of_verbs)


def _offered(verb: str) -> Iterable[str]:
    return IN_PYTEST if verb == "pytest" else options_in(OPTIONS_OF[verb])


def _read(table: Mapping[str, Any], cls: type, heading: str, names: Iterable[str]) -> dict[str, Any]:
    """The options of one table by field name."""
    options = options_in(cls)
    field_of = {word: name for name in names for word in _spellings(name, options[name])}
    values = {}
    for word, value in table.items():
        if word not in field_of:
            near = get_close_matches(word, [*field_of, *OPTIONS_OF], n=1)
            meant = f" Did you mean {near[0]}?" if near else ""
            raise UsageError(f"{NAME}: [{heading}] has no option {word!r}.{meant}")
        name = field_of[word]
        values[name] = _value(options[name], value, f"{NAME}: {word} in [{heading}]")
    return values


def _spellings(name: str, option: Option) -> set[str]:
    flags = [flag.removeprefix("--") for flag in option.flags]
    return {name, name.replace("_", "-"), *flags}


def _value(option: Option, value: Any, where: str) -> Any:
    """The value of an option. A number becomes a text."""
    if option.repeats:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise UsageError(f"{where}: expected a list of texts, got {value!r:.60}")
        return value
    if isinstance(option.default, bool):
        if not isinstance(value, bool):
            raise UsageError(f"{where}: expected true or false, got {value!r:.60}")
        return value
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise UsageError(f"{where}: expected a text or a number, got {value!r:.60}")
    return str(value)


def _filled(name: str, value: Any, heading: str) -> Any:
    """The value of an option, with environment variables filled in where it may name them."""
    if name not in FROM_ENVIRONMENT:
        return value
    if isinstance(value, list):
        return [_filled(name, each, heading) for each in value]
    where = f"{NAME}: {name} in [{heading}]"
    try:
        return Template(value).substitute(os.environ)
    except KeyError as missing:
        raise UsageError(f"{where} needs the environment variable {missing.args[0]}, which is not set") from None
    except ValueError as error:
        raise UsageError(f"{where}: {error}. Write $$ for a dollar sign") from error

"""One option: a field of an options class, with all that a front end needs to read it from text.

The options classes in `session/options.py` are the one table of options. The command line, the pytest plugin and
Locust make their arguments from it.
"""

from __future__ import annotations

import dataclasses
import re
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from wsproof.errors import UsageError

_KEY = "option"
T = TypeVar("T")


@dataclass(frozen=True)
class Option:
    """The form of a field as text.

    `default` is the value without the option. If it is a text, `parse` parses it, so `--help` needs no costly imports.
    `repeats`: the option may be given several times. `group` is the heading in the help.
    """

    help: str
    flags: tuple[str, ...] = ()
    default: Any = None
    parse: Callable[[str], Any] | None = None
    metavar: str | None = None
    group: str | None = None
    repeats: bool = False
    positional: bool = False
    required: bool = False
    choices: tuple[str, ...] | None = None

    def arguments(self, name: str, prefix: str = "") -> tuple[tuple[str, ...], dict[str, Any]]:
        """The flags and keywords for `add_argument`. `prefix` stands before each name: `--ws-path` with `ws-`."""
        flags = self.flags or (f"--{name.replace('_', '-')}",)
        text = self.help.format(default=self._shown_default())
        keywords: dict[str, Any] = {"help": re.sub(r"(?<![\w-])--(?=[a-z])", f"--{prefix}", text)}
        if self.metavar is not None:
            keywords["metavar"] = self.metavar
        if isinstance(self.default, bool):
            keywords["action"] = "store_false" if self.default else "store_true"
        else:
            keywords |= self._value()
        if self.positional and not prefix:
            return (name,), keywords if self.required else {**keywords, "nargs": "?"}
        keywords["dest"] = destination(name, prefix)
        return tuple(f"--{prefix}{flag.removeprefix('--')}" for flag in flags), keywords

    def _value(self) -> dict[str, Any]:
        keywords: dict[str, Any] = {"default": [] if self.repeats else self.default}
        if self.repeats:
            keywords["action"] = "append"
        if self.parse is not None:
            keywords["type"] = self.parse
        if self.choices is not None:
            keywords["choices"] = self.choices
        if self.required and not self.positional:
            keywords["required"] = True
        return keywords

    def _shown_default(self) -> str:
        return f"{self.default:g}" if isinstance(self.default, float) else str(self.default)

    def initial(self) -> Any:
        """The value of the field if the option is not given."""
        if self.repeats:
            return ()
        if isinstance(self.default, str) and self.parse is not None:
            return self.parse(self.default)
        return self.default

    def is_initial(self, value: Any) -> bool:
        """Whether a parsed value is the one without the option."""
        return not value if self.repeats else bool(value == self.initial())


def option(help_text: str, default: Any = None, *, secret: bool = False, **more: Any) -> Any:
    """A field that is an option. `more` are the other fields of `Option`; `secret` keeps it out of the repr."""
    return _field(Option(help_text, default=default, **more), secret=secret)


def from_text(name: str, made: Option, value: Any) -> Any:
    """The value of the option `name` that was given as text, or as a list of texts where it repeats.

    Raises:
        UsageError: the option does not accept the text.
    """
    if isinstance(value, list):
        return tuple(_parsed(name, made, each) for each in value)
    return _parsed(name, made, value) if isinstance(value, str) else value


def _parsed(name: str, made: Option, text: str) -> Any:
    if made.choices is not None and text not in made.choices:
        raise UsageError(f"{name}: expected one of {', '.join(made.choices)}, got {text!r}")
    if made.parse is None:
        return text
    try:
        return made.parse(text)
    except (ArgumentTypeError, ValueError) as error:
        raise UsageError(f"{text!r} is no value of {name}: {error}") from error


def with_default(cls: type, name: str, default: Any, help_text: str | None = None) -> Any:
    """The option of a base class with another default, and with another help if one is given."""
    base = next(each for each in dataclasses.fields(cls) if each.name == name)
    original: Option = base.metadata[_KEY]
    changed = dataclasses.replace(original, default=default, help=help_text or original.help)
    return _field(changed, secret=not base.repr)


def _field(made: Option, *, secret: bool) -> Any:
    if made.required:
        return field(metadata={_KEY: made}, repr=not secret)
    return field(default_factory=made.initial, metadata={_KEY: made}, repr=not secret)


def options_in(cls: type) -> dict[str, Option]:
    """The options of a class by field name, in the order of the fields."""
    return {each.name: each.metadata[_KEY] for each in dataclasses.fields(cls) if _KEY in each.metadata}


def destination(name: str, prefix: str = "") -> str:
    """The attribute that holds the parsed option: `ws_path` for `path` with the prefix `ws-`."""
    return f"{prefix}{name}".replace("-", "_")


def with_prefix(message: str, cls: type, names: Iterable[str], prefix: str) -> str:
    """The message with the flags of these options as they are with the prefix: `--path` becomes `--ws-path`."""
    table = options_in(cls)
    ours = {flag for name in names for flag in table[name].arguments(name)[0]}

    def prefixed(flag: re.Match[str]) -> str:
        return f"--{prefix}{flag[1]}" if flag[0] in ours else flag[0]

    return re.sub(r"(?<![\w-])--([a-z][a-z-]*)", prefixed, message)


def read_options(cls: type[T], parsed: Mapping[str, Any], names: Iterable[str] | None = None, prefix: str = "") -> T:
    """The options of the class from parsed arguments. `names`: only these fields; the others keep their defaults."""
    chosen = options_in(cls) if names is None else names
    values = {name: parsed[destination(name, prefix)] for name in chosen}
    return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})

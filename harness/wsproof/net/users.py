"""A table of users: one row for each member, whose columns fill `{column}` in the user's options."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from wsproof.errors import UsageError
from wsproof.model.secrecy import is_secret_name, learn

_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = "n"
"""The placeholder of the member's number, which no column may have as its name."""


@dataclass(frozen=True, slots=True, repr=False)
class UserTable:
    """Users from a CSV file. Members take the rows in turn."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def fill(self, text: str, number: int, *, in_url: bool = False) -> str:
        """Replace `{column}` by the value of this member's row. In a URL, values are percent-encoded."""
        for name, value in zip(self.columns, self.rows[number % len(self.rows)], strict=True):
            marker = f"{{{name}}}"
            if in_url:
                text = text.replace(quote(marker), marker)
                value = quote(value, safe="")
            text = text.replace(marker, value)
        return text

    def is_used_in(self, texts: Iterable[str]) -> bool:
        """Whether one of these texts has a column to fill."""
        return any(mark in text for text in texts for name in self.columns for mark in (f"{{{name}}}", f"%7B{name}%7D"))

    def to_json(self) -> dict[str, Any]:
        """Return all values, secrets included, for one of our worker processes."""
        return {"columns": list(self.columns), "rows": [list(row) for row in self.rows]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> UserTable:
        """The inverse of `to_json`."""
        return cls(tuple(data["columns"]), tuple(tuple(row) for row in data["rows"]))


def read_users(path: str) -> UserTable:
    """Read a CSV file whose first line names the columns. The values of secret columns are redacted from now on.

    Raises:
        UsageError: the file cannot be read, or is not such a table.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            lines = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"expected --user-file to name a CSV file, but {path} cannot be read: {error}") from error
    columns, rows = (tuple(lines[0]), tuple(tuple(row) for row in lines[1:])) if lines else ((), ())
    if not rows:
        raise UsageError(f"expected --user-file to name a CSV file with column names and at least one user: {path}")
    for name in columns:
        if not _COLUMN.fullmatch(name) or name == _RESERVED or columns.count(name) > 1:
            raise UsageError(
                f"{path}: {name!r} cannot be the name of a column. Use letters, digits and _, each name once, and not "
                f"{_RESERVED}, which is the member's number"
            )
    for at, row in enumerate(rows, 2):
        if len(row) != len(columns):
            raise UsageError(f"{path}: row {at} has {len(row)} values, and there are {len(columns)} columns")
        if any(char < " " or char == "\x7f" for value in row for char in value):
            raise UsageError(f"{path}: row {at} has a control character, which no header may have")
    learn(value for row in rows for name, value in zip(columns, row, strict=True) if is_secret_name(name))
    return UserTable(columns, rows)

"""Writes JSON and text files in one step, without known secrets.

The file is written under a temporary name and then renamed, so it is either complete or absent.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from wsproof.net.redact import hide_known


def plain(value: Any) -> Any:
    """Convert `value` to types that JSON supports. NumPy numbers become Python numbers; NaN and infinities become null.

    Known secrets in strings are hidden.

    Raises:
        TypeError: JSON has no equivalent for a value.
    """
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, str):
        return hide_known(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.integer | np.bool_):
        return value.item()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"expected a value that JSON can hold, got {type(value).__name__}")


def dumps(value: Any) -> str:
    """`value` as indented ASCII JSON. Lone surrogates become escapes, and NaN becomes null."""
    return json.dumps(plain(value), indent=1, allow_nan=False) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` in one step: a reader sees the old file or the new one."""
    write_text(path, dumps(value))


def write_text(path: Path, text: str) -> None:
    """Write `text` (UTF-8) to `path` in one step. On failure the old file stays, and no temporary file is left."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    beside = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(hide_known(text))
            file.flush()
            os.fsync(file.fileno())
        # mkstemp creates files that only their owner can read, but reports are shared.
        beside.chmod(0o644)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def append_json(path: Path, value: Any) -> None:
    """Append `value` to `path` as one line of JSON, in one write.

    A process that is killed leaves at most an incomplete last line.
    """
    line = json.dumps(plain(value), allow_nan=False) + "\n"
    with path.open("a", encoding="utf-8") as file:
        file.write(line)

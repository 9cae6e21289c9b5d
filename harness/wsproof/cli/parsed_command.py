"""One command of the command line, parsed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from wsproof.cli.outputs import Outputs

O_co = TypeVar("O_co", covariant=True)


@dataclass(frozen=True)
class ParsedCommand(Generic[O_co]):
    """A verb with its options and outputs. `began`: when the process took it up, in seconds of `time.monotonic`."""

    verb: str
    options: O_co
    outputs: Outputs
    began: float | None = None

"""The commands in a block of a document, one for each logical line."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

PROMPT = "$ "
ASSIGNMENT = re.compile(r"^\w+=\S*$")


def commands_in(text: str, *, has_prompts: bool) -> Iterator[list[str]]:
    """Yield the words of each command. With prompts, all other lines are output."""
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        if has_prompts and not line.startswith(PROMPT):
            continue
        words = _words(line.removeprefix(PROMPT))
        while words and ASSIGNMENT.match(words[0]):
            words = words[1:]
        if words:
            yield words


def _words(line: str) -> list[str]:
    """The words of a line. A line that is no shell command, such as a listing, has none."""
    try:
        words = shlex.split(line.partition("    (")[0], comments=True)
    except ValueError:
        return []
    ends = [number for number, word in enumerate(words) if word in ("|", "||", "&&", ";", ">", ">>", "&", "<")]
    return words[: ends[0]] if ends else words

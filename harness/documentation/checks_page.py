"""The page of all checks."""

from __future__ import annotations

from collections.abc import Iterator

from documentation.markdown_table import code, markdown_table, plain, unbroken
from wsproof.checks import CHECKS
from wsproof.conformance import RULES
from wsproof.delivery import CHANNEL_CHECKS
from wsproof.model.chapter import Chapter

INTRODUCTION = """\
# Checks

`wsproof check` runs all of them, and `--only NAME` runs those whose name, section or suite begins with NAME. A
violation of a MUST fails a run. A violation of a SHOULD fails it with `--strict` only, and a violation of a MAY
never.

"""
CHANNELS = """\
## Channels

`wsproof check --channels ...` runs these on each channel: members join, publish and leave as the check needs it.

"""
HISTORIES = """\
## Histories

These judge everything that a run recorded, in `check`, `bench`, `load`, in Locust and in the fixture `ws_room`.

"""


def checks_page() -> str:
    """Every protocol rule, every check of a channel and every check of a history."""
    channels = [[code(check.name), plain(check.promise)] for check in CHANNEL_CHECKS]
    histories = [[code(check.name), plain(check.promise)] for check in CHECKS]
    return "".join(
        [
            INTRODUCTION,
            *_chapters(),
            CHANNELS,
            markdown_table(["check", "what it holds"], channels),
            "\n",
            HISTORIES,
            markdown_table(["check", "the promise"], histories),
        ]
    )


def _chapters() -> Iterator[str]:
    for chapter in Chapter:
        rules = [rule for rule in RULES if rule.chapter is chapter]
        if rules:
            rows = [[code(rule.id), plain(rule.sentence), rule.level.value, unbroken(rule.where)] for rule in rules]
            yield f"## Protocol: {chapter.value}\n\n"
            yield markdown_table(["check", "what a server does", "level", "where"], rows) + "\n"

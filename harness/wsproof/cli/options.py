"""The options that only the command line has, and the arguments that argparse needs for all of them."""

from __future__ import annotations

import argparse
from collections.abc import Container, Iterable
from dataclasses import dataclass
from pathlib import Path

from wsproof.session.option import option, options_in
from wsproof.session.option_text import positive
from wsproof.session.options import GROUP_NOTES

WHAT_TO_LIST = ("targets", "servers", "workloads", "checks", "metrics", "runs")


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """The options of `wsproof list`."""

    what: str | None = option(
        "what to list (default: all of them)", positional=True, choices=WHAT_TO_LIST, metavar="|".join(WHAT_TO_LIST)
    )
    channels: str | None = option("tutorial, reference, or the module with your own workloads", metavar="CHANNELS")
    out: Path | None = option("the folder of the runs to list", parse=Path, metavar="DIR")


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """The options of `wsproof report`."""

    run: str | None = option(
        "the id of a run, its beginning, a folder, or latest (default: the index of all runs)",
        positional=True,
        metavar="RUN",
    )
    open: bool = option("open the page in the browser", False)
    hdr: tuple[Path, ...] = option(
        "print the percentiles of HdrHistogram logs, added up", repeats=True, parse=Path, metavar="FILE"
    )
    keep: int | None = option(
        "first remove all but the newest N runs, apart from those that a link or a comparison names",
        parse=positive,
        metavar="N",
    )
    out: Path | None = option(
        "folder of the runs (default: reports/ in a checkout of wsproof, .wsproof/ elsewhere)",
        parse=Path,
        metavar="DIR",
    )


EXPORT_FORMATS = ("pytest-benchmark", "customSmallerIsBetter", "bencher", "otava")


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """The options of `wsproof export`."""

    run: str = option("the run, as for `wsproof report` (default {default})", "latest", positional=True, metavar="RUN")
    format: str = option(
        "the format; customSmallerIsBetter is that of github-action-benchmark", required=True, choices=EXPORT_FORMATS
    )
    output: Path = option("the file to write (default: standard output)", Path("-"), parse=Path, metavar="FILE")
    out: Path | None = option("the folder of the runs", parse=Path, metavar="DIR")


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """The options of `wsproof import`."""

    file: Path = option(
        "the JSON of pytest-benchmark, or PREFIX_stats.csv of Locust",
        positional=True,
        required=True,
        parse=Path,
        metavar="FILE",
    )
    out: Path | None = option("the folder of the runs", parse=Path, metavar="DIR")


def add_options(
    parser: argparse.ArgumentParser,
    cls: type,
    names: Iterable[str] | None = None,
    known: Container[str] = (),
) -> None:
    """Add the options of a class to the parser, under the headings of their groups. `names`: only these fields.

    The options in `known` have a value in the project's file: they are not required, and the result lacks them if they
    are not given.
    """
    table = options_in(cls)
    groups: dict[str, argparse._ArgumentGroup] = {}
    # The positional arguments of a verb come before TARGET, which all verbs have.
    chosen = sorted(
        table if names is None else names, key=lambda name: not (table[name].positional and name != "target")
    )
    for name in chosen:
        entry = table[name]
        place: argparse._ActionsContainer = parser
        if entry.group is not None:
            if entry.group not in groups:
                groups[entry.group] = parser.add_argument_group(entry.group, GROUP_NOTES.get(entry.group))
            place = groups[entry.group]
        flags, keywords = entry.arguments(name)
        if name in known:
            keywords = {**keywords, "default": argparse.SUPPRESS}
            keywords.pop("required", None)
        place.add_argument(*flags, **keywords)

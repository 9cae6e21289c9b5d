"""Parsers of the options that are given as text, on the command line, in pytest and in Locust.

They raise `argparse.ArgumentTypeError`, which argparse, pytest and Locust turn into a message about the option.
"""

from __future__ import annotations

import argparse
import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsproof.model.arrivals import Arrivals
    from wsproof.model.fault_load import FaultLoad
    from wsproof.model.sizes import Sizes

DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|)")
SECONDS_IN = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0}


def message(text: str) -> str | bytes:
    """Parse a message: text as it is, or binary as `hex:00ff`.

    The prefix `text:` escapes a text that itself begins with `hex:` or `text:`.
    """
    kind, colon, content = text.partition(":")
    if colon and kind == "text":
        return content
    if not colon or kind != "hex":
        return text
    try:
        return bytes.fromhex(content)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"expected hexadecimal digits after hex:, got {content!r}. For a text that begins so, write text:{text}"
        ) from error


def positive(text: str) -> int:
    """Parse a whole number above 0."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text}")
    return value


def positive_number(text: str) -> float:
    """Parse a number above 0."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text}")
    return value


def percent(text: str) -> float:
    """Parse a percentage into a share: `2%` or `2` is 0.02."""
    value = float(text.removesuffix("%")) / 100
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"expected a percentage between 0 and 100, got {text}")
    return value


def arrivals(text: str) -> Arrivals:
    """Parse the arrival pattern of publications. Reads the file of a trace."""
    from wsproof.model.arrivals import parse_arrivals, parse_trace  # imports numpy, which --help does not need

    kind, _, name = text.partition(":")
    try:
        if kind != "trace":
            return parse_arrivals(text)
        with open(name, encoding="utf-8") as file:
            return parse_trace(file, name)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot read the trace {name}: {error.strerror}") from error
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{name}: {error}" if kind == "trace" else str(error)) from error


def sizes(text: str) -> Sizes:
    """Parse the size or size distribution of messages."""
    from wsproof.model.sizes import parse_sizes  # imports numpy, as above

    try:
        return parse_sizes(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def faults(text: str) -> FaultLoad:
    """Parse the faulty clients beside a load."""
    from wsproof.model.fault_load import parse_faults  # not needed for --help

    try:
        return parse_faults(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def seconds(text: str) -> float:
    """Parse a duration into seconds: 10, 10s, 500ms or 2m."""
    match = DURATION.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"expected a duration such as 10s, 500ms or 2m, got {text!r}")
    return positive_number(match[1]) * SECONDS_IN[match[2]]


def budget(text: str) -> float:
    """Parse a duration, or `none`, which is infinite."""
    if text == "none":
        return math.inf
    try:
        return seconds(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}, or none for no limit") from None


def seconds_or_none(text: str) -> float:
    """Parse a duration that may be 0."""
    return 0.0 if text in ("0", "0s") else seconds(text)

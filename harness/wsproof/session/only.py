"""Validation of `--only`: each of its prefixes must match the name or the section of a check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from wsproof import delivery
from wsproof.conformance import suite as rfc6455
from wsproof.errors import UsageError
from wsproof.model.chapter import SuiteName
from wsproof.model.suite import SuiteOptions
from wsproof.workloads import Workload


def require_known(only: Iterable[str], workloads: Mapping[str, Workload]) -> None:
    """Check that each prefix of `--only` matches a check, before anything is started.

    Raises:
        UsageError: a prefix matches no check. The message suggests the nearest name.
    """
    checks = [(one.name, one.rule.section, SuiteName.PROTOCOL) for one in rfc6455.CHECKS]
    for workload in workloads.values():
        own = [one for one in delivery.CHANNEL_CHECKS if one.applies(workload.contract)]
        checks += [(f"{workload.name}.{one.name}", workload.name, SuiteName.CHANNELS) for one in own]
    for word in only:
        options = SuiteOptions(only=(word,))
        if not any(options.wants(*check) for check in checks):
            raise UsageError(f"--only {word} names no check{_advice(word, checks, bool(workloads))}")


def _advice(word: str, checks: Iterable[tuple[str, str, SuiteName]], has_channels: bool) -> str:
    names = {part for name, section, _ in checks for part in (name, section, *name.split("."))}
    near = get_close_matches(word, names, n=1)
    advice = f": did you mean {near[0]}?" if near else ";"
    without = "" if has_channels else " Checks of channels need --channels."
    return f"{advice} `wsproof list checks` shows all of them.{without}"

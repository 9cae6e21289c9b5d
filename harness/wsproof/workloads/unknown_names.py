"""Warnings about names in a user's workload class that wsproof does not know."""

from __future__ import annotations

import inspect
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from wsproof.workloads.base import Workload
from wsproof.workloads.source_location import own_classes, place_of_member

METHODS = (
    "path",
    "name_of",
    "room_of",
    "prepare",
    "revoke",
    "expire",
    "headers",
    "subprotocols",
    "greeting",
    "join",
    "resume",
    "move",
    "split",
    "answer",
    "state",
    "timers",
    "publish",
    "read",
    "contract",
    "secrets",
    "server_environment",
)
"""The methods that wsproof calls."""
_ATTRIBUTES = ("name", "title", "parameters", "any_text", "repeats_count_once", "longest_bytes", "rooms", "publishes")
"""The attributes that wsproof reads."""
_CLOSE = 0.75
"""Similarity, from 0 to 1, from which a name is a likely misspelling."""
_ADVICE = {
    "cookie": "headers() returns the cookies of a member: {'Cookie': 'name=value'}",
    "token": "Put a member's token into path() or headers(); --token is the same for all members",
}
"""Advice for a name that contains one of these words."""


class WorkloadWarning(UserWarning):
    """A method or attribute of a workload class has no effect."""


def warn_of_unknown_names(workloads: Iterable[Workload]) -> None:
    """Warn about unknown names in these workloads' classes. Python shows each warning once per process."""
    for workload in workloads:
        for sentence in unknown_names(getattr(workload, "users_class", type(workload))):
            warnings.warn(sentence, WorkloadWarning, stacklevel=2)


def unknown_names(kind: type[Workload]) -> Iterator[str]:
    """One sentence for each public name of a class that neither wsproof nor the user's own code uses."""
    source = "\n".join(_source(each) for each in own_classes(kind))
    for each in own_classes(kind):
        for name, value in vars(each).items():
            if name.startswith("_") or _is_known(kind, name) or _is_used(name, source):
                continue
            near = get_close_matches(name, METHODS + _ATTRIBUTES, n=1, cutoff=_CLOSE)
            if callable(value) or isinstance(value, property | staticmethod | classmethod) or near:
                yield _sentence(kind, name, near)


def _sentence(kind: type[Workload], name: str, near: list[str]) -> str:
    advice = next((words for part, words in _ADVICE.items() if part in name.lower()), "")
    if near:
        advice = f"Did you mean {near[0]}?"
    elif not advice:
        advice = f"It calls {', '.join(METHODS)}"
    return (
        f"{place_of_member(kind, name)}: {kind.__name__}.{name} has no effect: wsproof uses no such name of a "
        f"workload. {advice}{'' if advice.endswith('?') else '.'}"
    )


def _is_known(kind: type[Workload], name: str) -> bool:
    ours = [each for each in kind.__mro__ if each not in own_classes(kind)]
    return any(name in vars(each) for each in ours) or name in (*_ATTRIBUTES, "base", "settings")


def _is_used(name: str, source: str) -> bool:
    return re.search(rf"\.{name}\b|['\"]{name}['\"]", source) is not None


def _source(kind: type) -> str:
    module: Any = sys.modules.get(kind.__module__)
    try:
        return inspect.getsource(module) if module is not None else ""
    except (OSError, TypeError):
        return ""

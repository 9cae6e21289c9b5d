"""The log of `python -m target_app` on stderr: one line per event, as text or JSON, and never a token.

The modules log `"ended channel=%s code=%d"` to the standard library's loggers, so they need no configuration to be
used under any server. Here such a line becomes an event with fields, by structlog.
"""

from __future__ import annotations

import copy
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger
from uvicorn.config import LOGGING_CONFIG

from target_app.redaction import redact

_FORM = re.compile(r"(?P<head>.*?)(?P<fields>(?: \w+=%[^ %=]*)+)")
_NAME = re.compile(r" (\w+)=%")


def split_fields(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Turn `name=%s` at the end of a message into fields. Their values keep their types."""
    template, values = event["_record"].msg, event.pop("positional_args", ())
    form = _FORM.fullmatch(template) if isinstance(template, str) and isinstance(values, tuple) else None
    if form is None:
        return event  # a message without fields
    names = _NAME.findall(form["fields"])
    mine = values[len(values) - len(names) :]
    event["event"] = form["head"] % values[: len(values) - len(names)]
    for name, value in zip(names, mine, strict=True):
        event[name] = round(value, 6) if isinstance(value, float) else value
    return event


def redact_fields(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Redact tokens in all texts, also in tracebacks."""
    return {name: redact(value) if isinstance(value, str) else value for name, value in event.items()}


def formatter(form: str, *, colors: bool = False) -> structlog.stdlib.ProcessorFormatter:
    """Return the formatter for `console` or `json`."""
    last: list[Any] = [structlog.processors.JSONRenderer(default=str)]
    if form == "console":
        plain = structlog.dev.plain_traceback
        last = [
            structlog.dev.ConsoleRenderer(colors=colors, pad_event_to=0, sort_keys=False, exception_formatter=plain)
        ]
    return structlog.stdlib.ProcessorFormatter(
        pass_foreign_args=True,
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            split_fields,
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redact_fields,
            *last,
        ],
    )


def log_config(form: str = "console") -> dict[str, Any]:
    """Return uvicorn's logging configuration with our formatter and our logger."""
    config = copy.deepcopy(LOGGING_CONFIG)
    colors = form == "console" and sys.stderr.isatty()
    config["formatters"] = {name: {"()": formatter, "form": form, "colors": colors} for name in config["formatters"]}
    config["loggers"]["target_app"] = {"handlers": ["default"], "level": "INFO", "propagate": False}
    return config

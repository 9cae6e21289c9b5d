"""HTML pages: one self-contained file each, without scripts, suitable for printing and for phones.

Text from a server is cleaned (`sanitize.clean`) and then escaped by Jinja2's autoescape. The page's content security
policy allows only its own style sheet, by its hash.
"""

from __future__ import annotations

import base64
import shlex
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from wsproof.errors import UsageError
from wsproof.model.comparison import Comparison
from wsproof.model.finding import Finding
from wsproof.model.finding_event import FindingEvent
from wsproof.model.record import RunRecord
from wsproof.model.suite import CheckRun
from wsproof.report import figures
from wsproof.report.charts.comparison import forest_plot, round_charts, spectrum_chart
from wsproof.report.charts.run import run_charts
from wsproof.report.charts.space_time import events_in_words, space_time_chart
from wsproof.report.store.atomic import write_text
from wsproof.report.store.run_dir import ComparisonDir, RunDir
from wsproof.report.text import (
    check as check_text,
)
from wsproof.report.text import (
    comparison as comparison_text,
)
from wsproof.report.text import (
    faults as faults_text,
)
from wsproof.report.text import (
    run as run_text,
)
from wsproof.report.text import (
    units as units_text,
)
from wsproof.report.text.rerun import commit_line, repeat_line
from wsproof.report.text.sanitize import clean

MOST_FINDINGS = 60
"""Maximum number of findings on a page."""
MOST_WITNESS_LINES = 80
"""Maximum number of witness lines per finding."""
MOST_CHARACTERS = 4000
"""Maximum number of characters of a text. Longer texts are cut, and marked as cut.

This keeps a page small, whatever a server sends. The files of the findings hold the full texts.
"""
UNITS = {"bytes": "B", "s": "s", "hz": "1/s", "ns": "ns"}
"""The unit of a fact, by the suffix of its name."""


def run_page(record: RunRecord, folder: RunDir | None = None) -> str:
    """The page of one run. It names `folder`, where readers find the raw data."""
    findings = record.findings
    counted = run_text.standing(findings)
    return render(
        "run.html",
        record=record,
        name=folder.id if folder is not None else record.id,
        answers=run_text.answers(record),
        sentence=run_text.verdict_sentence(record),
        tone=run_text.tone_of_run(record),
        findings=counted[:MOST_FINDINGS],
        unshown=max(len(counted) - MOST_FINDINGS, 0),
        observed=run_text.observations(findings),
        accepted=run_text.accepted(findings),
        sections=_sections(run_text.checks_of(record)),
        not_run=check_text.not_run_of(record),
        remarks=check_text.remarks_of(record),
        measured=check_text.measured,
        charts=run_charts(record),
        repeat=repeat_line(record),
        checkout=commit_line(record.git),
        facts=(
            ("Target", _flat(record.target)),
            ("Plan", _flat(record.plan)),
            ("Commit", _flat(record.git)),
            ("Machine", _flat(record.machine)),
        ),
    )


def comparison_page(comparison: Comparison) -> str:
    """The page of one comparison."""
    names = [run_text.title_of(row.metric) for row in comparison.metrics]
    return render(
        "comparison.html",
        comparison=comparison,
        sentence=comparison_text.comparison_sentence(comparison),
        tone=run_text.tone_of(comparison.verdict),
        rows=list(zip(names, comparison.metrics, strict=True)),
        forest=Markup(forest_plot(comparison.metrics, names)),
        spectrum=Markup(spectrum_chart(comparison.spectra)),
        differences=comparison_text.difference_sentences(comparison),
        known_findings=[
            (title, [Finding.from_json(each) for each in comparison.differences.get(key, ())[:MOST_FINDINGS]])
            for key, title in (("fixed", "Only in the base: fixed"), ("both", "In both builds"))
        ],
        packages=comparison.differences.get("packages", {}),
        files=comparison.differences.get("files", ()),
        rounds=[Markup(chart) for chart in round_charts(comparison, run_text.title_of)],
        findings=run_text.standing(comparison.findings)[:MOST_FINDINGS],
        unshown=max(len(run_text.standing(comparison.findings)) - MOST_FINDINGS, 0),
        observed=run_text.observations(comparison.findings),
        accepted=run_text.accepted(comparison.findings),
        facts=(
            ("Base", _flat(comparison.base)),
            ("Candidate", _flat(comparison.candidate)),
            ("Plan", _flat(comparison.plan)),
        ),
    )


def write_page(folder: RunDir | ComparisonDir) -> Path:
    """Write the page of a stored run or comparison, and return its path.

    Raises:
        UsageError: the record cannot be read.
    """
    text = run_page(folder.read(), folder) if isinstance(folder, RunDir) else comparison_page(folder.read())
    write_text(folder.page, text)
    return folder.page


def write_stored_page(folder: RunDir | ComparisonDir) -> Path:
    """Write the page of a record that may be damaged in a way that only its page notices.

    Raises:
        UsageError: the record cannot be read or shown, or the page cannot be written.
    """
    try:
        return write_page(folder)
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError) as error:
        problem = f"{type(error).__name__}: {error}"
        raise UsageError(f"cannot show {folder.id}: its record has an unexpected value ({problem})") from error
    except OSError as error:
        raise UsageError(f"cannot write {folder.page}: {error.strerror or error}") from error


def _sections(runs: Iterable[CheckRun]) -> list[tuple[str, list[CheckRun]]]:
    """Checks by section, in the order in which the suites ran them."""
    sections: dict[str, list[CheckRun]] = {}
    for run in runs:
        sections.setdefault(run.section, []).append(run)
    return list(sections.items())


def _flat(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Facts as table rows, without empty ones."""
    return [_fact(key, value) for key, value in facts.items() if value is not None and value not in ({}, [], "")]


def _fact(key: str, value: Any) -> tuple[str, str]:
    """One row. The unit is derived from the name, and one level of nesting is written out."""
    stem, _, suffix = key.rpartition("_")
    if isinstance(value, bool):
        shown = "yes" if value else "no"
    elif isinstance(value, int | float) and stem and suffix in UNITS:
        key, shown = stem, units_text.for_reader(value, UNITS[suffix])
    elif isinstance(value, Mapping):
        shown = ", ".join(f"{name} {item}" for name, item in value.items() if item is not None)
    elif key == "command" and isinstance(value, list | tuple):
        shown = shlex.join(map(str, value))
    elif isinstance(value, list | tuple):
        shown = ", ".join(str(item) for item in value)
    else:
        shown = str(value)
    return key.replace("_", " "), _cut(shown)


def _cut(text: str, limit: int = MOST_CHARACTERS) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit:,} more characters)"


def _code_spans(text: str) -> Markup:
    """The text as HTML. Its parts between backticks are code."""
    parts = (escape(part) for part in clean(text).split("`"))
    return Markup("").join(Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts))


def _witness(lines: Iterable[str]) -> str:
    lines = list(lines)
    shown = [_cut(line, 600) for line in lines[:MOST_WITNESS_LINES]]
    more = [f"… {len(lines) - len(shown)} more lines"] if len(lines) > len(shown) else []
    return "\n".join([*shown, *more])


def _space_time(events: Sequence[FindingEvent]) -> str:
    """The diagram of a finding's events. Its element ids derive from the events, so only equal diagrams share ids."""
    return space_time_chart(events, f"st-{sha256(events_in_words(events).encode()).hexdigest()[:12]}")


def _clean(value: Any) -> Any:
    """Clean every text that a template prints, before it is escaped."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def render(template: str, **values: Any) -> str:
    """Render a template of `report/templates`."""
    return templates().get_template(template).render(**values)


@cache
def templates() -> Environment:
    """Return the environment of the templates, which keeps those that are compiled."""
    environment = Environment(
        loader=PackageLoader("wsproof.report"),
        autoescape=select_autoescape(["html"], default=True, default_for_string=True),
        undefined=StrictUndefined,
        finalize=_clean,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = files("wsproof.report").joinpath("templates", "style.css").read_text(encoding="utf-8")
    environment.globals |= {
        "style": Markup(style),
        "style_hash": base64.b64encode(sha256(style.encode()).digest()).decode(),
        "words": run_text,
        "faults": faults_text,
        "units": units_text,
        "figures": figures,
        "judgements": comparison_text,
        "judged": comparison_text.JUDGED,
    }
    environment.filters |= {
        "cut": _cut,
        "code_spans": _code_spans,
        "witness": _witness,
        "svg": Markup,
        "space_time": _space_time,
        "in_words": events_in_words,
        "capfirst": lambda text: text[:1].upper() + text[1:],
    }
    return environment

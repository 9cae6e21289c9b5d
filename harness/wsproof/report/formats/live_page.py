"""The page of a running load: Locust's web server delivers it, and a script fetches its body periodically."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from itertools import groupby

from markupsafe import Markup

from wsproof.report.charts.svg import RunChart
from wsproof.report.formats.page import render
from wsproof.report.live_view import LiveView
from wsproof.report.text.live import RECENT, rows_of, tone_of_rows, violations_of
from wsproof.report.text.run import Tone

WORDS = {
    Tone.BAD: "a problem: see below",
    Tone.UNSURE: "some figures are doubtful",
    Tone.GOOD: "no violation so far",
    Tone.NONE: "no figures yet",
}


def live_page(body: str) -> str:
    """The whole page around its body."""
    script = files("wsproof.report").joinpath("templates", "live.js").read_text(encoding="utf-8")
    digest = base64.b64encode(sha256(script.encode()).digest()).decode()
    return render("live.html", body=Markup(body), script=Markup(script), script_hash=digest)


def live_body(view: LiveView, charts: Sequence[RunChart]) -> str:
    """The part of the page that changes."""
    rows = rows_of(view)
    tone = tone_of_rows(rows)
    seconds = [workload.seconds[-1].at_s - view.began_s for workload in view.workloads if workload.seconds]
    return render(
        "live_body.html",
        view=view,
        tone=tone,
        words_of_tone="no violation" if view.has_ended and tone is Tone.GOOD else WORDS[tone],
        seconds=max(seconds, default=0.0),
        groups=[(name, list(group)) for name, group in groupby(rows, key=lambda row: row.workload)],
        recent=RECENT,
        findings=[
            finding for workload in view.workloads for finding in violations_of(workload, is_strict=view.is_strict)
        ],
        charts=charts,
    )

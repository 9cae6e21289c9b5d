from __future__ import annotations

import base64
import re
from dataclasses import replace
from hashlib import sha256

import numpy as np

from wsproof import Finding, Level
from wsproof.model.bench_record import ObjectiveOutcome
from wsproof.model.finding import Anomaly
from wsproof.model.load_second import ConnectionCounts, LoadSecond, bucket_counts
from wsproof.model.measurement import ServerUsage
from wsproof.model.summary import TrustWarning
from wsproof.report.charts.live import POINTS, live_charts
from wsproof.report.formats.live_page import live_body, live_page
from wsproof.report.live_view import LiveView, LiveWorkload
from wsproof.report.text.live import FigureRow, rows_of
from wsproof.report.text.run import Tone
from wsproof.stats.running import RunningLoad

MS = 1_000_000
LOST = Finding("lost", "chat", Anomaly.LOST, Level.VIOLATION, "member 3 <b>never</b> received it.", occurrences=7)


def load(count: int = 20, **last: object) -> list[LoadSecond]:
    usual = LoadSecond(0, latency=bucket_counts([MS] * 200), deliveries=200, published=20, planned=100)
    seconds = [LoadSecond(**{**vars(usual), "at_s": 100 + number}) for number in range(count)]
    return [*seconds[:-1], LoadSecond(**{**vars(seconds[-1]), **last})]


def view(seconds: list[LoadSecond], **more: object) -> LiveView:
    workload = LiveWorkload("chat", seconds, RunningLoad(seconds), **more)  # type: ignore[arg-type]
    return LiveView("running", "shop:app", began_s=99.0, workloads=(workload,))


def row(view: LiveView, figure: str) -> FigureRow:
    (figure_row,) = [each for each in rows_of(view) if each.figure == figure]
    return figure_row


def test_a_load_without_problems_is_green_and_has_its_figures() -> None:
    shown = view(load(connections=ConnectionCounts(receiving=10)))
    assert row(shown, "violations").tone is Tone.GOOD
    assert row(shown, "latency p99").whole == "1 ms"
    assert row(shown, "deliveries").recent == "200/s"
    assert row(shown, "reach").whole == "100 %"
    assert row(shown, "connections").recent == "10 receiving"
    assert not any(each.tone is Tone.BAD for each in rows_of(shown))


def test_a_violation_is_red_with_its_number_and_its_explanation() -> None:
    shown = view(load(), findings=(LOST,))
    assert (row(shown, "violations").tone, row(shown, "violations").whole) == (Tone.BAD, "7")
    body = live_body(shown, ())
    assert "member 3 &lt;b&gt;never&lt;/b&gt; received it." in body


def test_a_stall_is_red_and_has_its_duration() -> None:
    stalled = row(view(load(outstanding=40, oldest_ns=4_000 * MS)), "outstanding")
    assert (stalled.tone, stalled.recent, stalled.remark) == (Tone.BAD, "40", "the oldest for 4 s")
    assert row(view(load(outstanding=40, oldest_ns=5 * MS)), "outstanding").tone is Tone.NONE


def test_a_generator_without_time_left_is_red() -> None:
    busy = row(view(load(cpu_share=0.97)), "generator CPU")
    assert (busy.tone, busy.recent) == (Tone.BAD, "97 %")
    assert row(view(load(slip_ns=80 * MS)), "schedule slip").tone is Tone.UNSURE


def test_publications_that_stay_unsent_for_a_second_are_red() -> None:
    workload = load(unsent=9)
    assert row(view(workload), "unsent publications").tone is Tone.NONE
    assert (
        row(view([*workload, LoadSecond(**{**vars(workload[-1]), "at_s": 300})]), "unsent publications").tone
        is Tone.BAD
    )


def test_a_remark_has_no_red_badge_and_a_problem_has_one() -> None:
    seconds = load()
    problem, remark = replace(view(seconds), notes=("a worker ended",)), replace(view(seconds), remarks=("it <is> so",))
    assert "note</span> a worker ended" in " ".join(live_body(problem, ()).split())
    assert "<p>it &lt;is&gt; so</p>" in live_body(remark, ())


def test_a_stall_is_the_first_entry() -> None:
    rows = rows_of(view(load(outstanding=40, oldest_ns=4_000 * MS)))
    assert [each.figure for each in rows[:2]] == ["violations", "outstanding"]


def test_connections_that_the_server_ended_are_red() -> None:
    ended = row(view(load(connections=ConnectionCounts(receiving=3, ended=2))), "connections")
    assert (ended.tone, ended.recent) == (Tone.BAD, "3 receiving, 2 ended by the server")


def test_objectives_are_coloured_by_their_outcome() -> None:
    outcomes = tuple(
        ObjectiveOutcome("lost == 0", met, None, f"{word}: lost == 0 (measured 4)")
        for met, word in ((True, "met"), (False, "missed"), (None, "cannot tell"))
    )
    rows = [each for each in rows_of(view(load(), objectives=outcomes)) if each.figure == "objective lost == 0"]
    assert [each.tone for each in rows] == [Tone.GOOD, Tone.BAD, Tone.UNSURE]
    assert (rows[0].whole, rows[0].remark) == ("met", "measured 4")


def test_void_figures_of_the_verdict_are_red() -> None:
    warning = TrustWarning("unsent", "Nine were not sent.", "Use less.", True, ("latency",))
    void = row(view(load(), warnings=(warning,)), "unsent")
    assert (void.tone, void.remark) == (Tone.BAD, "Nine were not sent. Use less.")


def test_a_local_server_has_cpu_and_memory_figures() -> None:
    at_ns = np.arange(30, dtype=np.int64) * 10**9
    usage = ServerUsage(at_ns, at_ns // 2, np.full(30, 64 << 20, np.int64))
    shown = LiveView("running", servers=(usage,))
    assert (row(shown, "CPU").recent, row(shown, "memory").recent) == ("50 %", "64 MiB")
    assert [chart.title for chart in live_charts(shown)] == ["Server CPU", "Server memory"]


def test_charts_of_a_long_test_have_no_more_points() -> None:
    charts = {chart.title: chart.svg for chart in live_charts(view(load(10 * POINTS)))}
    assert set(charts) >= {"chat: latency", "chat: deliveries per second", "chat: connections", "chat: generator CPU"}
    assert charts["chat: deliveries per second"].count("L") < POINTS


def test_the_page_allows_only_its_own_script() -> None:
    page = live_page(live_body(view(load()), list(live_charts(view(load())))))
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)
    assert script is not None
    assert base64.b64encode(sha256(script[1].encode()).digest()).decode() in page
    assert page.count("<script") == 1

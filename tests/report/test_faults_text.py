"""Tests of faulty clients and reconnect storms on the terminal, on the page and in Markdown."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from tests.report.samples import faults, record, storm
from wsproof.report.formats.markdown import run_markdown
from wsproof.report.formats.page import run_page
from wsproof.report.formats.terminal import show_run
from wsproof.report.text.faults import fault_rows, fault_sentences, storm_sentences

SENTENCES = (
    "20 stalled; 44 churn, 3 more refused, 1 cut off by the server.",
    "before 32.4 MiB, at most 34.3 MiB, after 33.4 MiB. Descriptors: before 34, at most 52, after 34",
    "100 clients dropped at once came back without jitter: all were served again after 0.86 s (half of them after",
    "with jitter, spread over 5 s: 98 were served again within 30 s; 40 attempts failed, 12 in the worst second",
)


def test_terminal_page_and_markdown_have_the_same_sentences() -> None:
    faulty_run = record(faults=faults(), reconnect_storm=storm())
    console = Console(file=io.StringIO(), width=200)
    show_run(console, faulty_run)
    assert isinstance(console.file, io.StringIO)
    for text in (console.file.getvalue(), run_page(faulty_run), run_markdown(faulty_run).replace("\\", "")):
        for sentence in (*SENTENCES, "348 ms", "×35.1", "×5.74 to ×215"):
            assert sentence in text


def test_a_figure_without_an_interval_is_not_judged() -> None:
    worse, unknown = fault_rows(faults())
    assert (worse.verdict, unknown.verdict) == ("worse", "cannot tell")
    assert unknown.interval == "–"


def test_an_uncertain_record_gives_the_reason_and_no_verdict() -> None:
    doubtful = replace(faults(), unsure="this machine was noisy")
    assert {row.verdict for row in fault_rows(doubtful)} == {"cannot tell"}
    assert fault_sentences(doubtful)[-1] == "These figures prove nothing about the server: this machine was noisy."
    assert "no client was served" in storm_sentences(replace(storm(), unsure="no client was served at first"))[-1]


def test_a_run_without_faulty_clients_does_not_mention_them() -> None:
    assert "Faulty clients" not in run_page(record())
    assert "### Faulty" not in run_markdown(record())

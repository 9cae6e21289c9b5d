"""Test that all parts of a comparison work together with real servers. Other tests check the verdicts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.comparison.repositories import forgetful_echo, git
from wsproof.comparison import BlockResult, compare_refs
from wsproof.model.comparison import Judgement
from wsproof.model.finding import Anomaly
from wsproof.model.plan import Plan
from wsproof.target.target import parse_target

PLAN = Plan(
    workload="echo", subscribers=2, publishers=2, rate_hz=40, duration_s=0.4, warmup_s=0.1, drain_s=5, ramp_s=20
)
"""A drain ends with the last echo, so its length matters only in the block with a missing echo."""
FORGOTTEN = 4
"""Each connection sends ten messages, so the echoes of later ones prove that this one is lost and not late."""


@pytest.mark.slow
def test_a_candidate_that_loses_one_message_is_worse(tmp_path: Path) -> None:
    repo = forgetful_echo(tmp_path / "repo", FORGOTTEN)
    blocks: list[BlockResult] = []
    comparison = compare_refs(
        "main",
        "forgetful",
        repo=repo,
        target=lambda cwd, python: parse_target("shop:app", path="/ws", cwd=cwd, python=python),
        plan=PLAN,
        channels="tutorial",
        pairs=1,
        keep=blocks.append,
    )
    assert comparison.verdict is Judgement.WORSE
    assert Anomaly.LOST in [finding.anomaly for finding in comparison.findings]
    assert "".join(block.block.side.value for block in blocks) == comparison.order
    assert len(blocks) == 4
    assert all(block.metrics["latency"].n > 0 for block in blocks)
    assert all(block.metrics["reach"].min == 1.0 for block in blocks if block.block.side.value != "B")
    assert len(git(repo, "worktree", "list").splitlines()) == 1

"""Comparison of two builds: worktrees, the order of blocks, and the evidence of the pairs."""

from wsproof.comparison.blocks import BlockResult, Load, run_block
from wsproof.comparison.commits import find_commits
from wsproof.comparison.evidence import compare_blocks
from wsproof.comparison.life import LifeResult
from wsproof.comparison.lives import QUICK, Extent
from wsproof.comparison.order import block_order
from wsproof.comparison.refs import compare_refs
from wsproof.comparison.runs import compare_runs
from wsproof.comparison.windows import compare_in_turn

__all__ = [
    "QUICK",
    "BlockResult",
    "Extent",
    "LifeResult",
    "Load",
    "block_order",
    "compare_blocks",
    "compare_in_turn",
    "compare_refs",
    "compare_runs",
    "find_commits",
    "run_block",
]

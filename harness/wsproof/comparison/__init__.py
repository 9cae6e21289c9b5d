"""Comparison of two builds: worktrees, the order of blocks, and the evidence of the pairs."""

from wsproof.comparison.blocks import BlockResult, Load, run_block
from wsproof.comparison.evidence import compare_blocks
from wsproof.comparison.order import block_order
from wsproof.comparison.refs import ask, compare_refs
from wsproof.comparison.runs import compare_runs

__all__ = ["BlockResult", "Load", "ask", "block_order", "compare_blocks", "compare_refs", "compare_runs", "run_block"]

"""Comparison of two builds: worktrees, the order of blocks, and the evidence of the pairs."""

from wsproof.compare.blocks import BlockResult, Load, run_block
from wsproof.compare.evidence import compare_blocks
from wsproof.compare.order import block_order
from wsproof.compare.refs import ask, compare_refs
from wsproof.compare.runs import compare_runs

__all__ = ["BlockResult", "Load", "ask", "block_order", "compare_blocks", "compare_refs", "compare_runs", "run_block"]

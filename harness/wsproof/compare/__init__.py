"""Two builds side by side: worktrees, the order of blocks, and what the pairs say."""

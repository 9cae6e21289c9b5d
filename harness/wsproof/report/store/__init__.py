"""Run directories on disk: where they are, and how they are written."""

"""Run directories on disk: their location and their files."""

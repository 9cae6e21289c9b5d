"""Values that all packages share. Standard library and numpy only; no waiting, no I/O, no clock."""

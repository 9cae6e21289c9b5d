"""Values that every room speaks in. Standard library and numpy only; nothing here waits, opens or reads a clock."""

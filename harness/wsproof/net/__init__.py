"""The edge of the world: sockets, processes, the clock. Nothing is imported here: the guard must start quickly."""

"""The pytest plugin. Every pytest run loads it, so it imports little at load time."""

"""The pytest plugin. Every pytest run loads it, so it imports nothing heavy."""

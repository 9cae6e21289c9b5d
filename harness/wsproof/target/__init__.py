"""The server under test: how to start, observe and stop it."""

"""The oracle: what a server may do, computed from what the client sends. Pure."""

"""wsproof: prove that a real-time server is correct, fast, and no worse than it was on main."""

__version__ = "0.1.0"

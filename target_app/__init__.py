"""The reference server: an echo, a chat and a dashboard over WebSockets, and three pages that use them.

It is a stranger to the harness that tests it: nothing here imports `wsproof`.
"""

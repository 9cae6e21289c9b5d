"""The reference server: eight WebSocket channels, and a page for each.

Nothing here imports `wsproof`, the harness that tests this server.
"""

"""Several workers, on one host or several, as one server.

This folder is imported only if `TARGET_APP_BACKPLANE_URL` is set. Delete it if one worker is enough. All other modules
know of other workers only by the protocol in `backplane.py`.
"""

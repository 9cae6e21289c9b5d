"""Several workers, on one host or several, as one server.

Nothing of this is imported unless `TARGET_APP_BACKPLANE_URL` is set: where one worker is enough, leave the folder out.
What the rest knows of other workers is the protocol in `backplane.py`.
"""

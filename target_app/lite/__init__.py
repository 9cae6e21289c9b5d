"""A production chat server for one worker, small enough to read in one sitting and to copy as a folder.

It needs fastapi, uvicorn and websockets, and imports nothing from the rest of target_app. Ids in brackets, such as
[C4], name the hazards of `target_app/HAZARDS.md`. Start to read in `app.py`.
"""

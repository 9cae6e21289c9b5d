"""nicegui: the first lines of its documentation."""

from __future__ import annotations

import sys

from nicegui import ui

ui.label("Hello NiceGUI!")
ui.run(host="127.0.0.1", port=int(sys.argv[1]), show=False, reload=False)

"""bokeh: an app of one slider, as its documentation begins."""

from __future__ import annotations

from bokeh.io import curdoc
from bokeh.models import Slider

curdoc().add_root(Slider(start=0, end=10, value=1, title="Amplitude"))

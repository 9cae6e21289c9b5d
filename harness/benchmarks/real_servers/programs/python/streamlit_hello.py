"""streamlit: the first lines of its documentation."""

from __future__ import annotations

import streamlit as st

st.write("Hello")
st.text_input("Your name", key="name")

"""Models: which are in use, those of this machine, those of other servers."""

import streamlit as st

from ui.frame import framed
from ui.model_parts.downloads import downloads
from ui.model_parts.in_use import in_use
from ui.model_parts.local import local_models
from ui.model_parts.servers import servers
from ui.resources import open_app
from ui.text import say

st.set_page_config(layout="wide")
app = open_app()

st.title(say("models.title"))
with framed():
    in_use(app)
with framed():
    downloads(app)
local, elsewhere = st.tabs([say("models.local"), say("models.servers")], key="models_tabs", on_change="rerun")
for tab, draw in ((local, local_models), (elsewhere, servers)):
    if tab.open:
        with tab, framed():
            draw(app)

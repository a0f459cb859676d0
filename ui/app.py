"""Navigation and page frame."""

import logging
from pathlib import Path

import streamlit as st

from ui.ask_parts.sidebar import conversation_list
from ui.components.stopping import wait_for_interrupted
from ui.frame import framed
from ui.resources import open_app, warm_up
from ui.text import choose_language, language, language_switch, say

HERE = Path(__file__).parent

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")

with framed():
    st.set_page_config(page_title="Tandem", page_icon=str(HERE / "static" / "icon.svg"))
    st.logo(str(HERE / "static" / "logo.svg"), icon_image=str(HERE / "static" / "icon.svg"), size="large")
    app = open_app()
    choose_language(app.settings.language)
    if language() == "zh":
        st.html(HERE / "static" / "zh.css")
    page = st.navigation(
        [
            st.Page(
                HERE / "app_pages" / "ask.py",
                title=say("ask.title"),
                icon=":material/forum:",
                default=True,
            ),
            st.Page(
                HERE / "app_pages" / "compare.py",
                title=say("compare.title"),
                icon=":material/compare_arrows:",
                url_path="compare",
            ),
            st.Page(
                HERE / "app_pages" / "experiment.py",
                title=say("experiment.title"),
                icon=":material/science:",
                url_path="experiment",
            ),
            st.Page(
                HERE / "app_pages" / "documents.py",
                title=say("documents.title"),
                icon=":material/folder_open:",
                url_path="documents",
            ),
            st.Page(
                HERE / "app_pages" / "train.py",
                title=say("train.title"),
                icon=":material/model_training:",
                url_path="train",
            ),
            st.Page(
                HERE / "app_pages" / "models.py",
                title=say("models.title"),
                icon=":material/deployed_code:",
                url_path="models",
            ),
        ]
    )
    wait_for_interrupted()
    with st.sidebar:
        with framed():
            conversation_list(app)
        language_switch()
    page.run()
    warm_up(app)

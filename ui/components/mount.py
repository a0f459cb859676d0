"""Registers the browser side of a component from the files in `assets/`."""

from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

ASSETS = Path(__file__).parent / "assets"


@cache
def mount(name: str) -> ComponentRenderer:
    """Return the command that shows component `name`.

    The scripts are joined into one module, because an inline component cannot import its neighbours.
    Streamlit re-registers a captured definition on whatever runtime executes the script, so caching the
    command for the life of the process is safe.
    """
    scripts = [_read("dom.js"), _read("markdown.js"), _read(f"{name}.js")]
    return st.components.v2.component(
        f"tandem_{name}",
        html='<div class="root"></div>',
        css=_read("base.css") + _read(f"{name}.css"),
        js="\n".join(scripts),
    )


def _read(file: str) -> str:
    return (ASSETS / file).read_text(encoding="utf-8")

"""The App behind the pages, as most of their tests want it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st

from assistant.app import App
from ui.resources import close_app, open_app


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """The App that the page opens, on an empty data folder; its models are never asked for."""
    monkeypatch.setenv("TANDEM_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("TANDEM_CONFIG", raising=False)
    monkeypatch.setattr(App, "warm_up", lambda self: None)
    monkeypatch.chdir(tmp_path)
    st.cache_resource.clear()
    yield open_app()
    close_app()

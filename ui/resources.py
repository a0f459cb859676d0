"""The one `App` of this process."""

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from assistant.app import App


def _close(app: "App") -> None:
    app.close()


@st.cache_resource(show_spinner=False, on_release=_close)
def open_app() -> "App":
    """Open the assistant, once per process; a failure is not kept, so the next page load tries again.

    Raises:
        AssistantError: the settings are wrong or the data folder is in use.
    """
    from assistant.app import App

    address = f"http://{st.get_option('server.address')}:{st.get_option('server.port')}"
    return App.open(purpose=f"tandem ui, {address}")


def warm_up(app: "App") -> None:
    """Load the models in the background, once."""
    if app.ready().stage == "starting":
        # Streamlit imports it with its first table or chart, the models' libraries in their own thread: two imports
        # of it at once can meet half of it.
        import pandas  # noqa: F401

        app.warm_up()


def close_app() -> None:
    """Close it, at the end of the process."""
    open_app.clear()

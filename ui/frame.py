"""What stands around every page: errors told in one line, never as a traceback."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from assistant.errors import TANDEM_ERRORS
from ui.components.inert import plain
from ui.text import language, say

logger = logging.getLogger(__name__)


def explain(error: Exception) -> str:
    """Return one line for `error` in the language shown; a defect's traceback goes to the log only."""
    if isinstance(error, TANDEM_ERRORS):
        return error.text(language())
    logger.error("a defect on the page", exc_info=error)
    return say("app.defect")


def show_error(error: Exception) -> bool:
    """Show `error` where the page stands; True tells Streamlit that it has been shown."""
    st.error(plain(explain(error)), icon=":material/error:")
    return True


@contextmanager
def framed() -> Iterator[None]:
    """Catch what goes wrong inside. Fragments and dialogs rerun on their own, so each wears it too."""
    try:
        yield
    except Exception as error:  # page frame: nothing may reach the browser as a traceback
        show_error(error)

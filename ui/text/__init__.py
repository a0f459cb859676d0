"""Every string on the page, in English and Chinese, and which of the two is shown.

`en.py` and `zh.py` hold the same keys with the same fields; a test compares them. A page with many words keeps them
in a module of its own, `TEXT = {key: {"en": ..., "zh": ...}}`, named in `PAGES`.
"""

import re
from typing import Any

import streamlit as st

from assistant.messages import Language
from ui.text import compare, en, experiment, models, train, zh

LANGUAGES: dict[Language, str] = {"en": "English", "zh": "中文"}
PAGES = (compare.TEXT, experiment.TEXT, models.TEXT, train.TEXT)
TEXTS: dict[Language, dict[str, str]] = {
    "en": en.TEXT | {key: text["en"] for page in PAGES for key, text in page.items()},
    "zh": zh.TEXT | {key: text["zh"] for page in PAGES for key, text in page.items()},
}

_COUNTED = re.compile(
    r"\{(\w+)\} (?:file|chunk|page|token|passage|character|knowledge base|vote|question|pair)s\b"
)
_STATE = "language"
_QUERY = "lang"


def say(key: str, **fields: Any) -> str:
    """Return the string for `key` in the language shown, its fields filled in.

    Names of files, bases and conversations go through `plain` first wherever Streamlit reads Markdown.
    """
    shown = language()
    text = TEXTS[shown][key]
    if shown == "en":
        text = _COUNTED.sub(lambda match: match[0][:-1] if fields.get(match[1]) == 1 else match[0], text)
    return text.format(**fields)


def language() -> Language:
    """The language shown: what was chosen, else the address, the settings, the browser, in this order."""
    chosen = st.session_state.get(_STATE)
    if chosen in TEXTS:
        return chosen
    asked = st.query_params.get(_QUERY)
    return "zh" if asked == "zh" else "en" if asked == "en" else _of_browser()


def choose_language(preset: str) -> None:
    """Settle this session's language before anything is drawn, and keep it in the address.

    Args:
        preset: the setting `language`: "en", "zh", or "auto" for the browser's.
    """
    if st.session_state.get(_STATE) not in TEXTS:
        asked = st.query_params.get(_QUERY)
        known = next((value for value in (asked, preset) if value in TEXTS), None)
        st.session_state[_STATE] = known or _of_browser()


def language_switch() -> None:
    """Draw the switch. A reload makes a new session, so the choice also goes into the address."""
    options = list(LANGUAGES)
    st.segmented_control(
        say("app.language"),
        options,
        default=language(),
        required=True,
        format_func=lambda code: LANGUAGES[code],
        key="language_choice",
        label_visibility="collapsed",
        on_change=_switch,
    )


def _switch() -> None:
    chosen = st.session_state["language_choice"]
    st.session_state[_STATE] = chosen
    st.query_params[_QUERY] = chosen


def _of_browser() -> Language:
    return "zh" if (st.context.locale or "").lower().startswith("zh") else "en"

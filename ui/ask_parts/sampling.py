"""How tokens are drawn: sound defaults, folded away."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from assistant.arms import Sampling
from assistant.settings import GenerationSettings
from ui.text import say

if TYPE_CHECKING:
    from assistant.app import App

THINKING: dict[str, bool | None] = {"auto": None, "on": True, "off": False}
_ROUND = "sampling_round"


def sampling_settings(app: "App") -> tuple[Callable[[], Sampling | None], int]:
    """Draw the fields.

    Returns:
        What gives the sampling, None when everything is as set, and the number of passages. It is to be called
        when a question is asked: the length that suits the model is known once the model is loaded.
    """
    defaults = app.settings.generation.sampling()
    fitting = app.settings.generation == GenerationSettings()  # then the model's size decides the length
    top_k_passages = app.settings.retrieval.top_k
    # The browser keeps what was chosen under a key, so going back to the defaults takes other keys.
    again = f"_{st.session_state[_ROUND]}" if _ROUND in st.session_state else ""
    st.caption(say("sampling.about"))
    left, right = st.columns(2)
    with left:
        temperature = st.slider(
            say("sampling.temperature"),
            0.0,
            2.0,
            defaults.temperature,
            0.05,
            help=say("sampling.temperature_help"),
            key=f"sampling_temperature{again}",
            persist_state="session",
        )
        top_p = st.slider(
            say("sampling.top_p"),
            0.05,
            1.0,
            defaults.top_p,
            0.05,
            help=say("sampling.top_p_help"),
            key=f"sampling_top_p{again}",
            persist_state="session",
        )
        top_k = st.number_input(
            say("sampling.top_k"),
            0,
            1000,
            defaults.top_k,
            help=say("sampling.top_k_help"),
            key=f"sampling_top_k{again}",
            persist_state="session",
        )
        seed = st.number_input(
            say("sampling.seed"),
            0,
            2**31 - 1,
            defaults.seed,
            help=say("sampling.seed_help"),
            placeholder=say("sampling.seed_none"),
            key=f"sampling_seed{again}",
            persist_state="session",
        )
    with right:
        length = st.number_input(
            say("sampling.length"),
            1,
            8192,
            None if fitting else defaults.max_new_tokens,
            16,
            help=say("sampling.length_help"),
            placeholder=_fitting_length(app),
            key=f"sampling_length{again}",
            persist_state="session",
        )
        passages = st.number_input(
            say("sampling.passages"),
            1,
            50,
            top_k_passages,
            help=say("sampling.passages_help"),
            key=f"sampling_passages{again}",
            persist_state="session",
        )
        thinking = st.segmented_control(
            say("sampling.thinking"),
            list(THINKING),
            default="auto",
            required=True,
            format_func=lambda option: say(f"sampling.thinking_{option}"),
            help=say("sampling.thinking_help"),
            key=f"sampling_thinking{again}",
            persist_state="session",
        )
        if st.button(say("sampling.reset"), icon=":material/restart_alt:", type="tertiary", on_click=_reset):
            st.rerun()
    chosen = replace(
        defaults,
        temperature=temperature,
        top_p=top_p,
        top_k=top_k,
        seed=seed,
        thinking=THINKING[thinking or "auto"],
    )

    def sampling() -> Sampling | None:
        if length is not None:
            asked = replace(chosen, max_new_tokens=length)
            return asked if fitting or asked != defaults else None
        if chosen == defaults:
            return None
        return replace(chosen, max_new_tokens=app.reading_profile().max_new_tokens)

    return sampling, passages


def _fitting_length(app: "App") -> str:
    if app.ready().stage != "ready":
        return say("sampling.length_auto")
    return say("sampling.length_fitting", tokens=app.reading_profile().max_new_tokens)


def _reset() -> None:
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1

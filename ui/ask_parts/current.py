"""Which conversation is open: its number stands in the address, so that a reload finds it again."""

from typing import TYPE_CHECKING, NoReturn

import streamlit as st

from assistant.arms import RAG, Arm
from assistant.errors import AssistantError
from ui.ask_parts.answering import first_arm

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.conversations import Conversation

QUERY = "c"
_STATE = "conversation"
_ASK = "app_pages/ask.py"
AGAIN = "ask_again"
"""In the session: the turn whose question is asked once more when the page is drawn next."""


def current_id() -> int | None:
    """The open conversation; None for a new one."""
    asked = st.query_params.get(QUERY, "")
    if asked.isdecimal():
        st.session_state[_STATE] = int(asked)
    chosen = st.session_state.get(_STATE)
    return chosen if isinstance(chosen, int) else None


def keep_in_address(conversation_id: int) -> None:
    """Note the open conversation in session and address."""
    st.session_state[_STATE] = conversation_id
    if st.query_params.get(QUERY) != str(conversation_id):
        st.query_params[QUERY] = str(conversation_id)


def open_conversation(conversation_id: int) -> NoReturn:
    """Go to the page Ask with that conversation."""
    st.session_state[_STATE] = conversation_id
    st.switch_page(_ASK, query_params={**_kept(), QUERY: str(conversation_id)})


def leave_conversation() -> NoReturn:
    """Go to the page Ask with an empty conversation."""
    st.session_state.pop(_STATE, None)
    st.switch_page(_ASK, query_params=_kept())


def forget_conversation() -> None:
    """Drop a conversation that is gone, without leaving the page."""
    st.session_state.pop(_STATE, None)
    st.query_params.pop(QUERY, None)


def ask_again(turn_id: int) -> None:
    """Have the question of that turn answered once more; the answer takes the place of the one there."""
    st.session_state[AGAIN] = turn_id


def answering_arm(app: "App", conversation: "Conversation | None") -> Arm:
    """The arm that answers next: the one that answered last, else what was chosen for new conversations."""
    name = next(iter(conversation.turns[-1].answers), None) if conversation and conversation.turns else None
    try:
        return first_arm(app) if name is None else app.arm(name)
    except AssistantError:
        return RAG  # a conversation of another version


def _kept() -> dict[str, str]:
    """What else stands in the address and stays."""
    return {key: value for key, value in st.query_params.items() if key != QUERY}

"""Ask the documents: the conversation, and the line to ask in."""

from functools import partial

import streamlit as st

from assistant.arms import RAG
from assistant.errors import ConversationError
from ui.ask_parts.answering import choose_arm
from ui.ask_parts.current import (
    AGAIN,
    answering_arm,
    ask_again,
    current_id,
    forget_conversation,
    keep_in_address,
)
from ui.ask_parts.exchange import show_exchange, show_question, write_answer
from ui.ask_parts.readiness import ModelLine, model_line
from ui.ask_parts.sampling import sampling_settings
from ui.ask_parts.scope import choose_bases
from ui.ask_parts.welcome import welcome
from ui.compare_parts.labels import arm_label
from ui.components.inert import plain
from ui.components.stopping import stop_place, stoppable
from ui.resources import open_app
from ui.text import say

st.set_page_config(layout="centered")
app = open_app()

conversation = None
conversation_id = current_id()
if conversation_id is not None:
    try:
        conversation = app.conversation(conversation_id)
        keep_in_address(conversation_id)
    except ConversationError:
        forget_conversation()
        st.toast(say("conversations.unknown"))

# A conversation goes on with the arm that answered last: one that was sent here from Compare may be any.
answering = answering_arm(app, conversation)

with st.bottom, st.container(horizontal=True, vertical_alignment="center", gap="small"):
    base_ids = choose_bases(app)
    with st.popover(say("ask.settings"), icon=":material/tune:", type="tertiary"):
        answering = choose_arm(app, answering, key=str(conversation_id))
        chosen_sampling, top_k = sampling_settings(app)
    if answering != RAG:
        st.caption(say("ask.arm", arm=plain(arm_label(answering.name), limit=60)))
    stop = stop_place()
# Streamlit keeps the end of the page in view only where it places the line itself, not inside `st.bottom`.
typed = st.chat_input(
    say("ask.placeholder"),
    key="question",
    submit_mode="disable",
    max_chars=4000,
    disabled=answering == RAG and not base_ids,
)
with st.bottom:
    about_model = st.empty()

example = None
opening = st.empty()
again_id = st.session_state.pop(AGAIN, None)
again = None
if not typed and (conversation is None or not conversation.turns):
    with opening.container():
        example = welcome(app, anything=bool(base_ids))
elif conversation is not None:
    last = conversation.turns[-1] if conversation.turns else None
    again = last if last is not None and last.id == again_id and not typed else None
    for turn in conversation.turns:
        if turn is again:
            continue  # asked once more below
        show_question(turn.question)
        arm, answer = next(iter(turn.answers.items()), (None, None))
        if arm is None or answer is None:
            continue
        retrieval = turn.retrievals.get(arm)
        show_exchange(
            app,
            answer,
            question=turn.question,
            retrieval=retrieval,
            key=str(turn.id),
            on_again=partial(ask_again, turn.id) if turn is last and not typed else None,
        )

question = (typed or example or (again.question if again else "")).strip()
if not question:
    with about_model:
        model_line(app)
else:
    opening.empty()
    show_question(question)
    if conversation is None:
        conversation_id = app.create_conversation()
        keep_in_address(conversation_id)
    assert conversation_id is not None
    with stoppable(stop):
        answered = write_answer(
            app,
            question,
            arm=answering,
            base_ids=base_ids,
            conversation_id=conversation_id,
            instead_of=again.id if again else None,
            sampling=chosen_sampling(),
            top_k=top_k,
            meanwhile=ModelLine(app, about_model).refresh,
        )
    if answered:
        st.rerun()

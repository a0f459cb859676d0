"""Step 1: what the model should learn from, and what of it would be trained."""

from typing import TYPE_CHECKING

import streamlit as st

from ui.components.inert import plain
from ui.frame import framed
from ui.text import say
from ui.train_parts.building import build_from_documents
from ui.train_parts.draft import Draft, chosen_dataset, go_to
from ui.train_parts.lens import lens
from ui.train_parts.preflight import preflight
from ui.train_parts.uploading import own_file, sample_voice

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.training.datasets import KeptDataset

_RECIPE = "train_recipe"
CARDS = (
    ("self_cognition", ":material/badge:"),
    ("voice", ":material/record_voice_over:"),
    ("facts", ":material/menu_book:"),
    ("own", ":material/upload_file:"),
)


def data_step(app: "App", draft: Draft) -> None:
    """Draw the tab."""
    kept = chosen_dataset(app, draft)
    # A place of its own: emptied at once, it does not linger greyed out while the rows are read.
    opening = st.empty()
    if kept is None:
        with opening.container():
            _choose(app, draft)
        return
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"**{plain(kept.name, limit=60)}**  ·  {say(f'train.recipe_{kept.recipe}')}")
        with st.container(horizontal=True, width="content"):
            st.button(
                say("train.other_data"),
                icon=":material/undo:",
                type="tertiary",
                key="train_other",
                on_click=_forget,
                args=(draft,),
            )
            st.button(
                say("train.to_settings"),
                icon=":material/arrow_forward:",
                icon_position="right",
                type="primary",
                key="train_to_settings",
                on_click=go_to,
                args=("settings",),
            )
    if len(app.workshop.datasets.entries(kept)) > 1:
        kept = _choose_entry(app, kept)
    config = draft.config(kept)
    examined = preflight(app, draft, kept, config)
    if examined is not None:
        lens(app, draft, config, examined)


def _forget(draft: Draft) -> None:
    draft.dataset = ""
    st.session_state.pop(_RECIPE, None)


def _choose_entry(app: "App", kept: "KeptDataset") -> "KeptDataset":
    names = app.workshop.datasets.entries(kept)
    chosen = st.selectbox(
        say("train.entry"),
        names,
        index=names.index(kept.dataset) if kept.dataset in names else 0,
        help=say("train.entry_help"),
        key=f"train_entry_{kept.id}",
        width=420,
    )
    return kept if chosen == kept.dataset else app.workshop.datasets.choose_entry(kept.id, chosen)


def _choose(app: "App", draft: Draft) -> None:
    st.markdown(f"##### {say('train.what')}")
    for (name, icon), cell in zip(CARDS, st.columns(len(CARDS), border=True), strict=True):
        with cell:
            st.markdown(f"{icon} **{say(f'train.recipe_{name}')}**")
            st.caption(say(f"train.about_{name}"))
            st.space("stretch")  # the buttons of all cards stand in one line
            st.button(
                say("train.choose"),
                key=f"train_recipe_{name}",
                type="primary" if st.session_state.get(_RECIPE) == name else "secondary",
                on_click=st.session_state.__setitem__,
                args=(_RECIPE, name),
                width="stretch",
            )
    match st.session_state.get(_RECIPE):
        case "self_cognition":
            _self_cognition(app, draft)
        case "voice":
            own_file(app, draft, recipe="voice")
            sample_voice(app, draft)
        case "facts":
            build_from_documents(app, draft)
        case "own":
            own_file(app, draft, recipe="own")
    _kept(app, draft)


def _self_cognition(app: "App", draft: Draft) -> None:
    with st.form("train_self_cognition"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.text_input(say("train.assistant_name"), max_chars=60, key="train_sc_name", width=240)
            maker = st.text_input(say("train.assistant_maker"), max_chars=80, key="train_sc_maker", width=240)
            languages = st.segmented_control(
                say("train.rows_language"),
                ["both", "en", "zh"],
                default="both",
                required=True,
                format_func=lambda code: say(f"train.language_{code}"),
                key="train_sc_languages",
            )
        made = st.form_submit_button(say("train.make_rows"), type="primary", icon=":material/auto_awesome:")
    if made:
        draft.take(app.workshop.datasets.self_cognition(name, maker, languages=languages or "both"))
        st.rerun()


def _kept(app: "App", draft: Draft) -> None:
    datasets = app.workshop.datasets.all()
    if not datasets:
        return
    st.markdown(f"##### {say('train.kept')}")
    for kept in datasets[:30]:
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"{plain(kept.name, limit=60)}  ·  :gray[{say(f'train.recipe_{kept.recipe}')}]")
            with st.container(horizontal=True, width="content"):
                st.button(
                    say("train.use"),
                    key=f"train_use_{kept.id}",
                    type="tertiary",
                    on_click=draft.take,
                    args=(kept,),
                )
                if st.button(
                    say("app.delete"), key=f"train_drop_{kept.id}", type="tertiary", icon=":material/delete:"
                ):
                    _delete(app, kept)


def _delete(app: "App", kept: "KeptDataset") -> None:
    @st.dialog(say("train.delete_dataset"))
    @framed()
    def dialog() -> None:
        st.markdown(say("train.delete_dataset_question", name=plain(kept.name, limit=60)))
        with st.container(horizontal=True):
            if st.button(say("app.delete"), type="primary", icon=":material/delete:", key="train_drop_yes"):
                app.workshop.datasets.delete(kept.id)
                st.rerun()
            if st.button(say("app.cancel"), key="train_drop_no"):
                st.rerun()

    dialog()

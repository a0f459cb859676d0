"""Other programs' servers: a card for each with its models, and the form to add one."""

from typing import TYPE_CHECKING, Any

import streamlit as st

from assistant.errors import TANDEM_ERRORS, ProviderError
from ui.components.inert import plain
from ui.frame import framed, show_error
from ui.model_parts.in_use import USES, choose_after_trying, choose_button
from ui.model_parts.server_form import KINDS, adding, changing
from ui.text import say

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.model_choice import WorkTried
    from assistant.providers.registry import ProviderInfo, Tried
    from assistant.providers.speech import ServedModel
    from assistant.providers.stored import Choice

_TESTED = "models_tested"
_TRIED = "models_tried"
_CHANGING = "models_changing"


def servers(app: "App") -> None:
    """Draw the tab."""
    known = app.providers.all()
    if not known:
        st.caption(say("models.servers_none"))
    for info in known:
        with st.container(border=True, key=f"server_{info.name}"), framed():
            _card(app, info)
    testing = st.container()  # the form's end may lie below the window's
    added = adding(app, open_at_first=not known)
    if added is not None:
        with testing:
            _test(app, added)
        st.rerun()


def _card(app: "App", info: "ProviderInfo") -> None:
    name = plain(info.name)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(gap="xsmall"):
            st.markdown(f"**{name}** · {KINDS[info.settings.kind]}")
            notes = [plain(info.settings.base_url)]
            notes += [] if info.settings.is_here else [say("models.leaves")]
            notes += [say("models.from_settings")] if info.configured else []
            st.caption(" · ".join(notes))
        with st.container(horizontal=True, width="content"):
            if st.button(say("models.test"), icon=":material/network_check:", key=f"test_{info.name}"):
                _test(app, info.name)
            if not info.configured:
                _change_and_remove(app, info)
    if st.session_state.get(_CHANGING) == info.name and not info.configured:
        with st.container(border=True, key=f"changing_{info.name}"):
            kept = changing(app, info)
        if kept:
            del st.session_state[_CHANGING]
            _forget(info.name)
            st.rerun()
    found = _tested().get(info.name)
    if isinstance(found, ProviderError):
        show_error(found)
    elif found is not None:
        _models(app, info, found)
    if info.settings.kind == "ollama":
        _pulling(app, info.name)


def _change_and_remove(app: "App", info: "ProviderInfo") -> None:
    open_now = st.session_state.get(_CHANGING) == info.name
    if st.button(
        say("models.change_close" if open_now else "models.change"),
        icon=":material/edit:",
        type="tertiary",
        key=f"change_{info.name}",
    ):
        st.session_state[_CHANGING] = None if open_now else info.name
        st.rerun()
    if st.button(say("models.remove"), icon=":material/delete:", type="tertiary", key=f"remove_{info.name}"):
        app.model_choice.remove_server(info.name)
        _forget(info.name)
        st.toast(say("models.removed", name=plain(info.name)))
        st.rerun()


def _tested() -> dict[str, Any]:
    """What each server said when this session tried it last."""
    return st.session_state.setdefault(_TESTED, {})


def _tried() -> dict[tuple[str, str], Any]:
    """What models did when this session tried them last, by their names and what they were to do."""
    return st.session_state.setdefault(_TRIED, {})


def _forget(name: str) -> None:
    _tested().pop(name, None)
    for known in [key for key in _tried() if key[0].startswith(f"provider:{name}/")]:
        del _tried()[known]


def _test(app: "App", name: str) -> None:
    with st.spinner(say("models.testing", name=plain(name)), show_time=True):
        try:
            _tested()[name] = app.providers.test(name)
        except ProviderError as err:
            _tested()[name] = err


def _models(app: "App", info: "ProviderInfo", tested: "Tried") -> None:
    told = say("models.tested", ms=f"{tested.latency_ms:.0f}", count=len(tested.models))
    st.markdown(f":green[:material/check_circle:] {told}")
    models = {model.id: model for model in tested.models}
    if not models:
        st.caption(say("models.none_listed"))
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            say("models.of_server"),
            list(models),
            format_func=lambda model_id: _label(models[model_id]),
            key=f"model_of_{info.name}",
            width=280,
        )
        use = st.segmented_control(
            say("models.use"),
            USES,
            format_func=lambda use: say(f"models.use_{use}"),
            default=_likely_use(models[chosen]),
            required=True,
            key=f"use_of_{info.name}_{chosen}",
        )
        name = f"provider:{info.name}/{chosen}"
        wanted = st.button(say("models.try"), icon=":material/play_arrow:", key=f"try_{info.name}")
        pressed = choose_button(app, use, name, key=f"choose_{info.name}_{chosen}_{use}")
    if pressed:
        choose_after_trying(app, use, name)
    if wanted:
        _try(app, info.name, chosen, use)
    found = _tried().get((name, use))
    if isinstance(found, Exception):
        show_error(found)
    elif found is not None:
        st.caption(found)


def _label(model: "ServedModel") -> str:
    parts = [f"{model.size_bytes / 1e9:.1f} GB"] if model.size_bytes else []
    parts += [say("models.adapter_of", parent=model.parent)] if model.parent else []
    return f"{model.id} ({', '.join(parts)})" if parts else model.id


def _likely_use(model: "ServedModel") -> "Choice":
    """What a model is for, as its server or its name says; people may know better."""
    if model.kind in USES:
        return model.kind
    name = model.id.lower()
    if "rerank" in name:
        return "reranker"
    return "embedding" if any(part in name for part in ("embed", "bge-", "gte-", "e5-", "minilm")) else "chat"


def _try(app: "App", server: str, model: str, use: "Choice") -> None:
    name = f"provider:{server}/{model}"
    with st.spinner(say("models.testing", name=plain(server)), show_time=True):
        try:
            if use == "chat":
                told = app.providers.test(server, model=model)
                answer = plain(told.answer or "", limit=120)
                _tried()[name, use] = say("models.tried", ms=f"{told.first_word_ms:.0f}", answer=answer)
            else:
                _tried()[name, use] = _told(app.model_choice.tried(use, name))  # type: ignore[arg-type]
        except TANDEM_ERRORS as err:
            _tried()[name, use] = err


def _told(tried: "WorkTried") -> str:
    took = f"{tried.took_ms:.0f}"
    if tried.scores is None:
        return say("models.tried_embedding", ms=took, dimensions=tried.dimensions)
    good, bad = (f"{score:.2f}" for score in tried.scores)
    return say("models.tried_reranker", ms=took, good=good, bad=bad)


def _pulling(app: "App", name: str) -> None:
    with (
        st.form(f"pull_form_{name}", border=False, clear_on_submit=True),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        model = st.text_input(
            say("models.pull_name"), placeholder=say("models.pull_hint"), key=f"pull_{name}", width=420
        )
        wanted = st.form_submit_button(say("models.pull"), icon=":material/download:")
    if wanted and model.strip():
        pulled, providers = model.strip(), app.providers
        app.downloads.start(
            pulled,
            lambda progress, hangup: providers.pull(name, pulled, progress, hangup=hangup),
            place=name,
        )
        st.rerun()

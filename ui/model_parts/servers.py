"""Other programs' servers: a card for each with its models, and the form to add one."""

from typing import TYPE_CHECKING, Any

import streamlit as st

from assistant.errors import ProviderError
from assistant.providers.config import DEFAULT_URLS
from ui.components.inert import plain
from ui.frame import framed, show_error
from ui.model_parts.answering import choose_button
from ui.text import say

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.providers.registry import ProviderInfo, Tried

KINDS = {"openai": "OpenAI", "ollama": "Ollama", "yuan2": "Yuan2"}
_TESTED = "models_tested"


def servers(app: "App") -> None:
    """Draw the tab."""
    known = app.providers.all()
    if not known:
        st.caption(say("models.servers_none"))
    for info in known:
        with st.container(border=True, key=f"server_{info.name}"), framed():
            _card(app, info)
    _adding(app, open_at_first=not known)


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
            if not info.configured and st.button(
                say("models.remove"), icon=":material/delete:", type="tertiary", key=f"remove_{info.name}"
            ):
                app.providers.remove(info.name)
                _tested().pop(info.name, None)
                st.toast(say("models.removed", name=name))
                st.rerun()
    found = _tested().get(info.name)
    if isinstance(found, ProviderError):
        show_error(found)
    elif found is not None:
        _models(app, info, found)
    if info.settings.kind == "ollama":
        _pulling(app, info.name)


def _tested() -> dict[str, Any]:
    """What each server said when this session tried it last."""
    return st.session_state.setdefault(_TESTED, {})


def _test(app: "App", name: str, model: str | None = None) -> None:
    with st.spinner(say("models.testing", name=plain(name)), show_time=True):
        try:
            _tested()[name] = app.providers.test(name, model=model)
        except ProviderError as err:
            _tested()[name] = err


def _models(app: "App", info: "ProviderInfo", tried: "Tried") -> None:
    told = say("models.tested", ms=f"{tried.latency_ms:.0f}", count=len(tried.models))
    st.markdown(f":green[:material/check_circle:] {told}")
    models = {model.id: model for model in tried.models if model.kind != "embedding"}
    if not models:
        st.caption(say("models.none_listed"))
        return

    def label(model_id: str) -> str:
        model = models[model_id]
        parts = [f"{model.size_bytes / 1e9:.1f} GB"] if model.size_bytes else []
        parts += [say("models.adapter_of", parent=model.parent)] if model.parent else []
        return f"{model_id} ({', '.join(parts)})" if parts else model_id

    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            say("models.of_server"), list(models), format_func=label, key=f"model_of_{info.name}", width=420
        )
        if st.button(say("models.try"), icon=":material/play_arrow:", key=f"try_{info.name}"):
            _test(app, info.name, chosen)
            st.rerun()
        choose_button(app, f"provider:{info.name}/{chosen}", key=f"choose_{info.name}_{chosen}")
    if tried.answer is not None:
        st.caption(
            say("models.tried", ms=f"{tried.first_word_ms:.0f}", answer=plain(tried.answer, limit=120))
        )


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


def _adding(app: "App", *, open_at_first: bool) -> None:
    with st.expander(say("models.add"), expanded=open_at_first, icon=":material/add:"):
        # Outside of the form, because the address that is usual depends on it.
        kind = st.selectbox(
            say("models.kind"),
            list(KINDS),
            format_func=lambda kind: say(f"models.kind_{kind}"),
            key="server_kind",
        )
        with st.form("server_add", border=False, enter_to_submit=True):
            left, right = st.columns([1, 2])
            name = left.text_input(say("models.name"), placeholder=say("models.name_hint"), max_chars=64)
            url = right.text_input(
                say("models.address"), placeholder=DEFAULT_URLS.get(kind, "http://127.0.0.1:8000/v1")
            )
            left, middle, right = st.columns([1, 1, 1])
            key = left.text_input(say("models.key"), type="password", help=say("models.key_help"))
            adapters = middle.text_input(say("models.adapters"), help=say("models.adapters_help"))
            timeout = right.number_input(
                say("models.timeout"), min_value=1.0, max_value=3600.0, value=120.0, step=10.0
            )
            if st.form_submit_button(say("models.add_button"), type="primary"):
                named = [part.strip() for part in adapters.replace("，", ",").split(",")]
                info = app.providers.add(
                    name,
                    url,
                    kind=kind,
                    api_key=key.strip() or None,
                    adapters=tuple(filter(None, named)) or None,
                    timeout_s=timeout,
                )
                st.toast(say("models.added", name=plain(info.name)))
                _test(app, info.name)
                st.rerun()

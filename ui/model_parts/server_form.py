"""The forms that add a server and change one."""

from typing import TYPE_CHECKING, Any

import streamlit as st

from assistant.providers.config import DEFAULT_URLS, ProviderSettings
from ui.components.inert import plain
from ui.text import say

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.providers.registry import ProviderInfo

KINDS = {"openai": "OpenAI", "ollama": "Ollama", "yuan2": "Yuan2"}
_USUAL = ProviderSettings(base_url="127.0.0.1")


def adding(app: "App", *, open_at_first: bool) -> str | None:
    """Draw the form for a new server; returns its name once it is kept."""
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
            key = st.text_input(say("models.key"), type="password", help=say("models.key_help"))
            with st.expander(say("models.more"), type="compact"):
                options = _options(_USUAL, "server_add")
            if not st.form_submit_button(say("models.add_button"), type="primary"):
                return None
            info = app.providers.add(name, url, kind=kind, api_key=key.strip() or None, **options)
            st.toast(say("models.added", name=plain(info.name)))
            return info.name


def changing(app: "App", info: "ProviderInfo") -> bool:
    """Draw the form that changes a server; True once the change is kept. The key goes in and never comes out."""
    held = info.settings
    with st.form(f"server_change_{info.name}", border=False, enter_to_submit=True):
        url = st.text_input(
            say("models.address"),
            held.base_url,
            key=f"change_url_{info.name}",
            help=say("models.address_help"),
        )
        left, right = st.columns([2, 1], vertical_alignment="bottom")
        key = left.text_input(
            say("models.key_new" if held.api_key else "models.key"),
            type="password",
            placeholder=say("models.key_kept") if held.api_key else None,
            help=say("models.key_help"),
            key=f"change_key_{info.name}",
        )
        forget = held.api_key is not None and right.checkbox(
            say("models.key_forget"), key=f"change_forget_{info.name}"
        )
        options = _options(held, f"change_{info.name}")
        if not st.form_submit_button(
            say("models.change_save"), type="primary", key=f"change_save_{info.name}"
        ):
            return False
        if forget or key.strip():
            options["api_key"] = None if forget else key.strip()
        app.providers.change(info.name, base_url=url, **options)
        st.toast(say("models.changed", name=plain(info.name)))
        return True


def _options(held: ProviderSettings, key: str) -> dict[str, Any]:
    left, middle, right = st.columns(3)
    timeout = left.number_input(
        say("models.timeout"), 1.0, 3600.0, held.timeout_s, 10.0, format="%g", key=f"{key}_timeout"
    )
    parallel = middle.number_input(
        say("models.parallel"), 1, 256, held.parallel, key=f"{key}_parallel", help=say("models.parallel_help")
    )
    context = right.number_input(
        say("models.context"),
        256,
        4_194_304,
        held.context_tokens,
        1024,
        key=f"{key}_context",
        help=say("models.context_help"),
    )
    left, middle, right = st.columns(3)
    models = left.text_input(
        say("models.unlisted"), ", ".join(held.models), key=f"{key}_models", help=say("models.unlisted_help")
    )
    adapters = middle.text_input(
        say("models.adapters"),
        ", ".join(held.adapters),
        key=f"{key}_adapters",
        help=say("models.adapters_help"),
    )
    embedding = right.number_input(
        say("models.embedding_tokens"),
        32,
        1_048_576,
        held.embedding_tokens,
        key=f"{key}_embedding_tokens",
        help=say("models.embedding_tokens_help"),
    )
    return {
        "timeout_s": timeout,
        "parallel": parallel,
        "context_tokens": context,
        "models": _names(models),
        "adapters": _names(adapters),
        "embedding_tokens": embedding,
    }


def _names(text: str) -> tuple[str, ...]:
    parts = text.replace("，", ",").replace("、", ",").split(",")
    return tuple(filter(None, (part.strip() for part in parts)))

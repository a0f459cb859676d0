"""What can be done with an adapter, each in a dialog of its own."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from ui.components.inert import plain
from ui.frame import framed
from ui.text import language, say

if TYPE_CHECKING:
    from assistant.app import App
    from finetune.adapters import AdapterInfo

FORMS = ("peft", "merged", "gguf")
GGUF_KINDS = ("q8_0", "f16", "bf16")


def rename_adapter(app: "App", info: "AdapterInfo") -> None:
    """Ask for another name."""

    @st.dialog(say("train.rename"))
    @framed()
    def dialog() -> None:
        new = st.text_input(
            say("train.adapter_name"), info.name, max_chars=80, key=f"train_rename_to_{info.name}"
        )
        if st.button(say("app.save"), type="primary", key="train_rename_yes", disabled=not new.strip()):
            if new.strip() != info.name:
                app.workshop.adapters.rename(info.name, new.strip())
            st.rerun()

    dialog()


def edit_notes(app: "App", info: "AdapterInfo") -> None:
    """Ask what to remember about it."""

    @st.dialog(say("train.notes"))
    @framed()
    def dialog() -> None:
        text = st.text_area(
            say("train.notes"), info.notes, max_chars=4000, key=f"train_notes_text_{info.name}"
        )
        if st.button(say("app.save"), type="primary", key="train_notes_yes"):
            app.workshop.adapters.note(info.name, text)
            st.rerun()

    dialog()


def delete_adapter(app: "App", info: "AdapterInfo") -> None:
    """Ask whether it is meant."""

    @st.dialog(say("train.delete_adapter"))
    @framed()
    def dialog() -> None:
        st.markdown(say("train.delete_adapter_question", name=plain(info.name, limit=60)))
        with st.container(horizontal=True):
            if st.button(say("app.delete"), type="primary", icon=":material/delete:", key="train_delete_yes"):
                app.workshop.adapters.delete(info.name)
                st.rerun()
            if st.button(say("app.cancel"), key="train_delete_no"):
                st.rerun()

    dialog()


def import_adapter(app: "App") -> None:
    """Ask for a PEFT folder and check it."""

    @st.dialog(say("train.import"))
    @framed()
    def dialog() -> None:
        st.caption(say("train.import_about"))
        folder = st.text_input(
            say("train.import_folder"), placeholder=say("train.import_hint"), key="train_import_folder"
        )
        name = st.text_input(say("train.adapter_name"), max_chars=80, key="train_import_name")
        if st.button(
            say("train.import"), type="primary", key="train_import_yes", disabled=not folder.strip()
        ):
            place = Path(folder.strip()).expanduser()
            with st.spinner(say("train.checking"), show_time=True):
                info, gates = app.workshop.adapters.take_in(place, name.strip() or place.name)
            if info is not None:
                st.rerun()
            for gate in gates:
                if gate.reason(language()):
                    st.error(plain(gate.reason(language())), icon=":material/error:")

    dialog()


def export_adapter(app: "App", info: "AdapterInfo") -> None:
    """Ask in which form and where to."""

    @st.dialog(say("train.export"))
    @framed()
    def dialog() -> None:
        form = st.segmented_control(
            say("train.export_form"),
            FORMS,
            default="merged",
            required=True,
            format_func=lambda name: say(f"train.export_{name}"),
            key="train_export_form",
        )
        st.caption(say(f"train.export_{form}_about"))
        kind = GGUF_KINDS[0]
        if form == "gguf":
            kind = st.selectbox(say("train.gguf_kind"), GGUF_KINDS, key="train_gguf_kind", width=160) or kind
        default = app.settings.data_dir / "exports" / (info.name if form == "peft" else f"{info.name}-{form}")
        target = st.text_input(
            say("train.export_folder"), str(default), key=f"train_export_folder_{form}_{info.name}"
        )
        if st.button(say("train.export"), type="primary", icon=":material/upload:", key="train_export_yes"):
            with st.spinner(say("train.exporting"), show_time=True):
                _export(app, info.name, str(form), Path(target.strip()).expanduser(), kind)

    dialog()


def _export(app: "App", name: str, form: str, target: Path, kind: str) -> None:
    from finetune.errors import FinetuneError
    from finetune.export import export_gguf, gguf_command

    if form == "peft":
        st.success(say("train.exported", path=plain(str(app.workshop.adapters.export(name, target)))))
        return
    merged = app.workshop.adapters.export_merged(name, target)
    st.success(say("train.exported", path=plain(str(merged.path))), icon=":material/check_circle:")
    if reason := merged.parity.reason(language()):
        st.warning(plain(reason), icon=":material/info:")
    elif merged.parity.figures:
        st.caption(say("train.figures_merge", **merged.parity.figures))
    if form == "merged":
        st.code(
            f"ollama create {shlex.quote(name)} -f {shlex.quote(str(target / 'Modelfile'))}", language="sh"
        )
        return
    file = target / f"{name}.gguf"
    try:
        st.success(say("train.exported", path=plain(str(export_gguf(target, file, kind=kind)))))
    except FinetuneError as error:
        if error.code != "export_gguf_by_hand":
            raise
        st.info(say("train.gguf_by_hand"), icon=":material/terminal:")
        st.code(shlex.join(gguf_command(target, file, kind=kind)), language="sh")

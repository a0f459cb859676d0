"""The adapters there are, each with its card: what it is, which checks it passed, and what can be done with it."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import streamlit as st

from ui.components.inert import plain
from ui.frame import explain
from ui.text import language, say
from ui.train_parts.adapter_dialogs import (
    delete_adapter,
    edit_notes,
    export_adapter,
    import_adapter,
    rename_adapter,
)
from ui.train_parts.draft import Draft
from ui.train_parts.using import use_adapter

if TYPE_CHECKING:
    from assistant.app import App
    from finetune.adapters import AdapterInfo

MARKS = {True: ":green[:material/check:]", False: ":red[:material/close:]", None: ":gray[:material/remove:]"}
GATES = ("finite", "moved", "shape", "held_out", "answers_end", "thinking", "forgetting", "merge", "servable")
ACTED = "train_adapter_acted"
"""How many times something was done with an adapter's menu."""
SHARES = frozenset({("forgetting", "before"), ("forgetting", "after")})


def adapter_cards(app: "App", draft: Draft) -> None:
    """Draw the tab."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        found = app.workshop.adapters.all()
        st.caption(say("train.adapters_about") if found else say("train.no_adapters"))
        if st.button(say("train.import"), icon=":material/download:", key="train_import"):
            import_adapter(app)
    for info, reason in found:
        with st.container(border=True, key=f"train_card_{info.name}"):
            _card(app, info, reason)


def _card(app: "App", info: "AdapterInfo", reason: Exception | None) -> None:
    when = datetime.fromtimestamp(info.created_at).strftime("%Y-%m-%d %H:%M")
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"#### {plain(info.name, limit=60)}")
        # A menu of another key is closed: the dialog that an action opens would have it in front of the page.
        key = f"train_more_{info.name}_{st.session_state.get(ACTED, 0)}"
        with st.popover(say("train.more"), icon=":material/more_horiz:", type="tertiary", key=key):
            _actions(app, info)
    facts = [plain(info.base_model, limit=60), info.method, f"{info.size_bytes / 1e6:.1f} MB", when]
    st.caption("  ·  ".join(facts))
    if reason is None:
        use_adapter(app, info.name, key=info.name)
    else:
        st.warning(plain(explain(reason)), icon=":material/visibility_off:")
    if info.notes:
        st.markdown(f":material/sticky_note_2: {plain(info.notes)}")
    gates = info.card.get("gates", [])
    passed = sum(gate.get("passed") is True for gate in gates)
    bad = sum(gate.get("passed") is False for gate in gates)
    title = say("train.checks", passed=passed, failed=bad)
    with st.expander(title, icon=":material/fact_check:", key=f"train_gates_{info.name}"):
        for gate in gates:
            st.markdown(_gate(gate))
    with st.expander(say("train.made_of"), icon=":material/description:", key=f"train_record_{info.name}"):
        _record(info)


def _gate(gate: dict[str, Any]) -> str:
    name = gate["name"]
    told = say(f"train.gate_{name}") if name in GATES else plain(str(name))
    line = f"{MARKS[gate.get('passed')]} {told}"
    if gate.get("passed") is None:
        return f"{line}  :gray[{say('train.gate_not_applied')}]"
    reason = gate.get("reason", {}).get(language(), "")
    if reason:
        return f"{line}: {plain(reason)}"
    figures = {
        key: round(100 * value) if (name, key) in SHARES else value
        for key, value in gate.get("figures", {}).items()
    }
    if FIGURED.get(name, {""}) <= set(figures):
        return f"{line}  :gray[{say(f'train.figures_{name}', **figures)}]"
    return line


FIGURED = {
    "held_out": {"before", "after", "rows"},
    "answers_end": {"ended", "answers"},
    "forgetting": {"before", "after", "questions"},
    "merge": {"same", "answers", "kept"},
    "moved": {"modules", "norm"},
    "thinking": {"before", "after", "answers"},
}
"""Gates whose figures are told, and which figures that takes."""


def _record(info: "AdapterInfo") -> None:
    record = info.record
    names = (
        "base_model",
        "base_revision",
        "data_hash",
        "template_hash",
        "config_hash",
        "seed",
        "run",
        "imported_from",
    )
    lines = [f"{name}: {record[name]}" for name in names if record.get(name) not in (None, "")]
    st.code("\n".join(lines), language=None)
    if config := record.get("config"):
        st.code("\n".join(f"{key}: {value}" for key, value in config.items()), language="yaml")
    st.caption(plain(str(info.path)))


def _actions(app: "App", info: "AdapterInfo") -> None:
    for name, icon, act in (
        ("rename", ":material/edit:", rename_adapter),
        ("notes", ":material/sticky_note_2:", edit_notes),
        ("export", ":material/upload:", export_adapter),
        ("delete", ":material/delete:", delete_adapter),
    ):
        if st.button(
            say(f"train.{name}"),
            icon=icon,
            key=f"train_{name}_{info.name}",
            type="tertiary",
            width="stretch",
            on_click=_close_menu,
        ):
            act(app, info)


def _close_menu() -> None:
    st.session_state[ACTED] = st.session_state.get(ACTED, 0) + 1

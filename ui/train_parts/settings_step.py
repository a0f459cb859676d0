"""Step 2: the settings, what they mean for size and memory, and the settings as a file."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from finetune.config import RunConfig
from finetune.config_files import read_config, to_mapping, to_yaml
from finetune.starting_points import TUTORIAL
from ui.components.inert import plain
from ui.text import language, say
from ui.train_parts.draft import Draft, chosen_dataset, go_to
from ui.train_parts.fields import COMMON, GROUPS, Field, field_of, groups
from ui.train_parts.fit import fit
from ui.train_parts.preflight import examine

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.training.datasets import KeptDataset
    from finetune.config import TrainingConfig

_FILLED = "train_filled"
"""The settings as they would be with what is left open filled in."""
MANY_EPOCHS = 8
"""Of the self-cognition rows; measured with SmolLM2-135M, fifteen cost general knowledge."""
PRESETS = ("recommended", "tutorial")
ICONS = {
    "length": ":material/timer:",
    "optimiser": ":material/tune:",
    "method": ":material/layers:",
    "memory": ":material/memory:",
    "rows": ":material/table_rows:",
    "preference": ":material/thumbs_up_down:",
    "machines": ":material/hub:",
    "report": ":material/monitoring:",
}


def settings_step(app: "App", draft: Draft) -> None:
    """Draw the tab."""
    kept = chosen_dataset(app, draft)
    if kept is None:
        no_data()
        return
    examined = examine(app, draft, draft.config(kept))
    if examined is None:
        return
    left, right = st.columns([3, 2], gap="large")
    with right:
        # Drawn after the widgets, so that it tells of what they say now.
        answer = st.container(border=True, key="train_answer")
    with left:
        _head(app, draft)
        with answer:
            plan = st.empty()
        known = st.session_state.get(_FILLED)
        _common(draft, known)
        epochs = float(draft.values.get("num_train_epochs", field_of("num_train_epochs").default))
        if (
            kept.recipe == "self_cognition"
            and epochs > MANY_EPOCHS
            and "early_stopping_patience" not in draft.values
        ):
            st.caption(f":orange[:material/lightbulb:] {say('train.many_epochs', epochs=f'{epochs:g}')}")
        _folded(draft, known)
        _as_file(draft, kept)
    with plan.container(), st.spinner(say("train.measuring"), show_time=True):
        found = app.workshop.plan(draft.config(kept), examined.report)
    with plan.container():
        fit(found)
        st.button(
            say("train.to_run"),
            icon=":material/arrow_forward:",
            icon_position="right",
            type="primary",
            key="train_to_run",
            width="stretch",
            on_click=go_to,
            args=("run",),
        )
    if known != found.settings:
        st.session_state[_FILLED] = found.settings
        st.rerun()  # what is left open shows in its field


def no_data() -> None:
    """Say that there is nothing to train on yet."""
    st.caption(say("train.no_data"))
    st.button(
        say("train.to_data"),
        icon=":material/arrow_back:",
        key="train_to_data",
        on_click=go_to,
        args=("data",),
    )


def _head(app: "App", draft: Draft) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        draft.name = st.text_input(
            say("train.adapter_name"), draft.name, max_chars=80, key=draft.key("name"), width=240
        )
        names = [model.name for model in app.models() if model.kind == "chat" and model.present]
        if draft.model not in names:
            names.insert(0, draft.model)
        draft.model = st.selectbox(
            say("train.model"),
            names,
            index=names.index(draft.model),
            help=say("train.model_help"),
            key=draft.key("model"),
            width=280,
        )
    if draft.model != app.settings.models.chat:
        st.caption(
            f":orange[:material/info:] {say('train.other_model', chat=plain(app.settings.models.chat))}"
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        for preset in PRESETS:
            st.button(
                say(f"train.preset_{preset}"),
                help=say(f"train.preset_{preset}_help"),
                key=f"train_preset_{preset}",
                on_click=_apply,
                args=(draft, preset),
            )


def _apply(draft: Draft, preset: str) -> None:
    for name in (*TUTORIAL, "per_device_train_batch_size"):
        draft.values.pop(name, None)
    if preset == "tutorial":
        draft.values |= TUTORIAL
    draft.round += 1


def _common(draft: Draft, filled: "TrainingConfig | None") -> None:
    cells = [cell for _ in range(2) for cell in st.columns(3)]
    for name, cell in zip(COMMON, cells, strict=True):
        with cell:
            _setting(draft, field_of(name), filled, label=say(f"train.field_{name}"))


def _folded(draft: Draft, filled: "TrainingConfig | None") -> None:
    for group in GROUPS:
        names = groups()[group]
        changed = sum(name in draft.values for name in names)
        title = f"{ICONS[group]} {say(f'train.group_{group}')}"
        with st.expander(f"{title} :blue-badge[{changed}]" if changed else title, key=f"train_group_{group}"):
            cells = [cell for _ in range(-(-len(names) // 3)) for cell in st.columns(3)]
            for name, cell in zip(names, cells, strict=False):
                with cell:
                    _setting(draft, field_of(name), filled, label=name)
            if group == "machines":
                st.caption(say("train.several_gpus"))


def _setting(draft: Draft, field: Field, filled: "TrainingConfig | None", *, label: str) -> None:
    """Draw one setting; what equals the default is not kept, so that defaults may still follow the data."""
    value = draft.values.get(field.name, None if field.optional else field.default)
    options: dict[str, Any] = {"key": draft.key(f"field_{field.name}"), "help": _help(field.name)}
    chosen: Any
    open_ = _left_open(field.name, filled)
    match field.kind:
        case "bool" if field.optional:
            names = ["auto", "on", "off"]
            now = "auto" if value is None else "on" if value else "off"
            picked = st.selectbox(
                label, names, names.index(now), format_func=lambda name: say(f"train.{name}"), **options
            )
            chosen = None if picked == "auto" else picked == "on"
        case "bool":
            chosen = st.checkbox(label, bool(value), **options)
        case "choice":
            listed = list(field.options)
            if value is not None and str(value) not in listed:
                listed.append(str(value))
            chosen = st.selectbox(
                label,
                listed,
                index=None if value is None else listed.index(str(value)),
                accept_new_options=field.free,
                placeholder=open_,
                **options,
            )
        case "int":
            chosen = st.number_input(
                label, value=None if value is None else int(value), step=1, placeholder=open_, **options
            )
        case "float":
            # As text: a learning rate of 2e-4 cannot be read in a field that shows two decimals.
            written = st.text_input(
                label, "" if value is None else f"{value:g}", placeholder=open_, **options
            ).strip()
            chosen = _number(field, written)
        case _:
            written = st.text_input(label, "" if value is None else str(value), placeholder=open_, **options)
            chosen = written.strip() or (None if field.optional else field.default)
    if chosen is None or chosen == field.default:
        draft.values.pop(field.name, None)
    else:
        draft.values[field.name] = chosen


def _number(field: Field, written: str) -> float | None:
    if not written:
        return None if field.optional else field.default
    try:
        return float(written)
    except ValueError:
        st.caption(f":red[:material/error:] {say('train.no_number', text=plain(written, limit=30))}")
        return None if field.optional else field.default


def _left_open(name: str, filled: "TrainingConfig | None") -> str:
    """What an empty field will become."""
    value = getattr(filled, name, None)
    if value is None:
        return say("train.auto")
    return say("train.auto_value", value=f"{value:g}" if isinstance(value, int | float) else str(value))


HELPED = frozenset(
    {"num_train_epochs", "learning_rate", "max_length", "lora_r", "lora_alpha", "per_device_train_batch_size",
     "max_steps", "max_samples", "eval_share", "early_stopping_patience", "gradient_accumulation_steps",
     "lr_scheduler_type", "warmup_steps", "neftune_noise_alpha", "method", "lora_dropout", "target_modules",
     "precision", "gradient_checkpointing", "packing", "group_by_length", "max_memory_gb", "overlong",
     "max_dropped_share", "report_to", "seed", "save_steps", "freeze_trainable_layers", "num_virtual_tokens",
     "stage", "pref_beta", "distributed", "replay"}
)  # fmt: skip
"""Settings with a sentence of explanation; the others say it all by their names."""


def _help(name: str) -> str | None:
    return f"`{name}`  \n{say(f'train.help_{name}')}" if name in HELPED else f"`{name}`"


def _as_file(draft: Draft, kept: "KeptDataset") -> None:
    with st.expander(f":material/description: {say('train.as_yaml')}", key="train_group_yaml"):
        config = draft.config(kept)
        st.code(to_yaml(config), language="yaml", height=180)
        st.caption(say("train.yaml_about"))
        with st.container(horizontal=True, vertical_alignment="center"):
            st.download_button(
                say("train.yaml_download"),
                to_yaml(config),
                f"{draft.name or 'run'}.yaml",
                "application/yaml",
                icon=":material/download:",
                on_click="ignore",
                key="train_yaml_download",
            )
        upload = st.file_uploader(say("train.yaml_upload"), type=["yaml", "yml"], key=draft.key("yaml"))
        if upload is not None:
            _read(draft, config, upload.name, upload.getvalue())
            st.rerun()
        for note in draft.notes:
            st.caption(f":orange[:material/info:] {plain(note.text(language()))}")


def _read(draft: Draft, config: RunConfig, name: str, data: bytes) -> None:
    """Take the settings of an uploaded file; model and data stay those that were chosen."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (Path(name).name or "run.yaml")
        path.write_bytes(data)
        read = read_config(path)
    plain_settings = to_mapping(RunConfig(config.model, config.data))
    stays = {"model", "data", "dataset", "name", "eval_data", "columns"}
    draft.values = {
        key: value
        for key, value in to_mapping(read.config).items()
        if key not in stays and value != plain_settings.get(key)
    }
    draft.notes = read.notes
    draft.name = read.config.name or draft.name
    draft.round += 1

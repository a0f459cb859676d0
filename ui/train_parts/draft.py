"""The run that is being prepared in this session, and the way between the page's tabs."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import streamlit as st

from finetune.config import RunConfig
from finetune.config_files import from_mapping, to_mapping
from ui.text import say

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.training.datasets import KeptDataset
    from finetune.examples import Finding

TABS = ("data", "settings", "run", "runs", "adapters", "ask")
_STATE = "train_draft"
TAB_STATE = "train_tabs"
WATCHED = "train_run"
"""Id of the run that this session looks at; "" for none."""


@dataclass
class Draft:
    """What was chosen so far.

    Args:
        dataset: id of the dataset, "" before one is chosen.
        values: settings that differ from the defaults, flat, by their usual names.
        test: a dataset file whose questions must not be trained.
        notes: what of a LLaMA-Factory file does not apply.
        round: raised when `values` change other than by the widgets, which then begin anew.
    """

    model: str
    dataset: str = ""
    name: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    test: str | None = None
    notes: "tuple[Finding, ...]" = ()
    round: int = 0

    def key(self, name: str) -> str:
        """The key of a widget for `name`."""
        return f"train_{name}_{self.round}"

    def take(self, kept: "KeptDataset") -> None:
        """Begin with a dataset, and with the settings of its recipe."""
        self.dataset, self.name = kept.id, kept.name
        self.values, self.notes, self.test = dict(kept.settings), (), None
        self.round += 1

    def repeat(self, kept: "KeptDataset", config: RunConfig, changes: dict[str, Any]) -> None:
        """Begin with a run's dataset and its settings, some of them changed."""
        self.take(kept)
        defaults = to_mapping(RunConfig(config.model, config.data))
        own = {"model", "data", "dataset", "name"}
        values = {key: value for key, value in to_mapping(config).items() if key not in own} | changes
        self.values = {key: value for key, value in values.items() if value != defaults.get(key)}
        self.model, self.name = config.model, config.name or kept.name

    def config(self, kept: "KeptDataset") -> RunConfig:
        """As `finetune` wants it.

        Raises:
            TrainingError: a value is of the wrong kind.
        """
        given = {
            "model": self.model,
            "data": str(kept.path),
            "dataset": kept.dataset,
            "name": self.name.strip(),
        }
        values = {key: value for key, value in given.items() if value is not None} | self.values
        return from_mapping(values, file=say("train.settings_here"))


def current_draft(app: "App") -> Draft:
    """The draft of this session."""
    kept = st.session_state.get(_STATE)
    # Reloaded code, as while developing, would make an instance of another class of the same name.
    if not isinstance(kept, Draft):
        kept = st.session_state[_STATE] = Draft(model=app.settings.models.chat)
    return kept


def chosen_dataset(app: "App", draft: Draft) -> "KeptDataset | None":
    """The dataset of the draft; None before one is chosen, or after it was deleted."""
    if draft.dataset and draft.dataset in {kept.id for kept in app.workshop.datasets.all()}:
        return app.workshop.datasets.get(draft.dataset)
    draft.dataset = ""
    return None


def go_to(tab: str) -> None:
    """Open a tab; to be called from a widget's callback, or before the tabs are drawn."""
    st.session_state[TAB_STATE] = tab_label(tab)


def tab_label(tab: str) -> str:
    """What is written on a tab."""
    return say(f"train.tab_{tab}")

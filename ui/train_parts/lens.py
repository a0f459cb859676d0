"""The loss-mask lens: one row as coloured tokens, made by the function that the trainer calls."""

from typing import TYPE_CHECKING

import streamlit as st

from assistant.training.lens import joined
from finetune.config import RunConfig
from finetune.examples import Example
from finetune.messages import render
from ui.components.mount import mount
from ui.frame import framed
from ui.text import language, say
from ui.train_parts.draft import Draft

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.training.lens import Lens
    from assistant.training.workshop import Examined

TRAIN_ON = ("assistant", "last", "all")
THINKING = ("keep", "empty", "none")
LONGEST = 3000
"""Tokens shown of one sequence; the browser draws each by itself."""


def lens(app: "App", draft: Draft, config: RunConfig, examined: "Examined") -> None:
    """Draw the chooser of rows and the tokens of the chosen one."""
    st.divider()
    st.markdown(f"##### {say('train.lens')}")
    st.caption(say("train.lens_about"))
    st.fragment(framed()(_lens))(app, draft, config, examined)


def _lens(app: "App", draft: Draft, config: RunConfig, examined: "Examined") -> None:
    examples = examined.data.examples
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = st.number_input(
            say("train.row_of", count=len(examples)),
            1,
            len(examples),
            1,
            key=draft.key("lens_row"),
            width=170,
        )
        train_on = st.segmented_control(
            say("train.train_on"),
            TRAIN_ON,
            default=config.rows.train_on,
            required=True,
            format_func=lambda value: say(f"train.train_on_{value}"),
            help=say("train.train_on_help"),
            key=draft.key("train_on"),
        )
    shown = app.workshop.lens(config, examples[number - 1])
    thinking: str = config.rows.thinking
    if shown.thinks:
        thinking = (
            st.segmented_control(
                say("train.thinking"),
                THINKING,
                default=config.rows.thinking,
                required=True,
                format_func=lambda value: say(f"train.thinking_{value}"),
                help=say("train.thinking_help"),
                key=draft.key("thinking"),
            )
            or thinking
        )
    else:
        st.caption(say("train.no_thinking"))
    if (train_on, thinking) != (config.rows.train_on, config.rows.thinking):
        draft.values |= {"train_on": train_on, "thinking": thinking}
        st.rerun()  # the whole page: the counts change with it
    _tokens(shown)


def _tokens(shown: "Lens") -> None:
    if shown.row.refused is not None:
        code, params = shown.row.refused
        st.warning(render(code, params, language()), icon=":material/block:")
        return
    names = piece_names(shown.example, len(shown.tokens))
    pieces = []
    for name, views, piece in zip(names, shown.tokens, shown.row.pieces, strict=True):
        trained, count = piece.trained_tokens, len(views)
        pieces.append(
            {
                "title": name,
                "told": say("train.lens_count", trained=trained, tokens=count),
                "tokens": [list(token) for token in joined(views[:LONGEST])],
                "more": say("train.lens_more", count=count - LONGEST) if count > LONGEST else "",
                "notes": [render(code, params, language()) for code, params in piece.notes],
            }
        )
    mount("tokens")(
        key="train_lens",
        data={
            "pieces": pieces,
            "legend": [
                ["trained", say("train.legend_trained")],
                ["stop", say("train.legend_stop")],
                ["", say("train.legend_read")],
                ["template", say("train.legend_template")],
            ],
        },
    )


def piece_names(example: Example, count: int) -> list[str]:
    """What the sequences of a row are called; one needs no name."""
    if example.kind == "dpo" and count == 2:
        return [say("train.chosen"), say("train.rejected")]
    return [""] if count == 1 else [say("train.part", number=number) for number in range(1, count + 1)]

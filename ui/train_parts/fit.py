"""How large a run would be, and whether it fits: the answer before any compute."""

from typing import TYPE_CHECKING

import streamlit as st

from finetune.recommended import effective_batch
from ui.components.inert import plain
from ui.text import language, say
from ui.train_parts.charts import memory_chart

if TYPE_CHECKING:
    from assistant.training.run_plan import Plan


def fit(plan: "Plan") -> None:
    """Draw the answer."""
    memory, settings = plan.memory, plan.settings
    gigabytes = {"needed": f"{memory.peak / 1e9:.1f}", "free": f"{plan.free / 1e9:.1f}"}
    if not plan.fits:
        st.error(say("train.fits_not", **gigabytes), icon=":material/block:")
    elif settings != plan.asked:
        st.warning(
            say(
                "train.fits_smaller",
                micro=settings.per_device_train_batch_size,
                times=settings.gradient_accumulation_steps,
                **gigabytes,
            ),
            icon=":material/compress:",
        )
    else:
        st.success(say("train.fits", **gigabytes), icon=":material/check_circle:")
    memory_chart(memory, plan.free)
    st.markdown(
        say(
            "train.trainable",
            trainable=f"{memory.trainable:,}",
            total=f"{memory.total:,}",
            percent=f"{100 * plan.share:.2f}",
        )
    )
    st.markdown(
        say(
            "train.steps_told" if plan.eval_rows is None else "train.steps_told_held",
            steps=plan.steps,
            rows=plan.rows,
            held=plan.eval_rows,
            batch=effective_batch(settings),
        )
    )
    st.caption(say("train.machine", device=plan.device, compute=plan.compute, longest=plan.longest))
    for finding in plan.advice:
        st.caption(f":orange[:material/lightbulb:] {plain(finding.text(language()))}")

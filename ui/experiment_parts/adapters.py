"""What the experiment's adapters cost, what they forgot, and which questions they had been trained on."""

from typing import TYPE_CHECKING, Any

import streamlit as st

from assistant.compare.report_text import REPORT_TEXT
from ui.components.inert import plain
from ui.text import language, say

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.compare.records import Experiment


def show_adapters(app: "App", experiment: "Experiment", results: dict[str, Any]) -> None:
    """Draw the tab."""
    for name, facts in experiment.manifest.get("adapters", {}).items():
        with st.container(border=True):
            st.markdown(f"**{plain(name, limit=80)}**")
            if not facts:
                st.caption(say("experiment.adapter_gone"))
                continue
            if facts.get("seconds"):
                st.markdown(
                    say(
                        "experiment.adapter_cost",
                        minutes=f"{facts['seconds'] / 60:.1f}",
                        rows=facts.get("rows") or "–",
                        memory=f"{(facts.get('memory_bytes') or 0) / 1e9:.1f}",
                    )
                )
            _retention(facts)
            _leaks(facts, experiment, results)


def _retention(facts: dict[str, Any]) -> None:
    """What the adapter's own checks found; the one on general knowledge is told in words."""
    gates = {gate["name"]: gate for gate in facts.get("gates", [])}
    kept = gates.get("forgetting")
    if kept is not None and kept.get("figures"):
        figures = kept["figures"]
        st.markdown(
            say(
                "experiment.retention",
                before=f"{100 * figures['before']:.0f}",
                after=f"{100 * figures['after']:.0f}",
                questions=figures["questions"],
            )
        )
        if kept["passed"] is None:
            st.caption(say("experiment.retention_guessing"))
    for gate in gates.values():
        if gate["passed"] is False:
            st.caption(f":orange[:material/warning:] {plain(gate['reason'][language()])}")


def _leaks(facts: dict[str, Any], experiment: "Experiment", results: dict[str, Any]) -> None:
    leaks = facts.get("leaks")
    if leaks is None:
        st.caption(say("experiment.leaks_unknown"))
        return
    if not leaks:
        st.markdown(f":green[:material/check_circle:] {say('experiment.leaks_none')}")
        return
    count = len(experiment.questions)
    st.markdown(f":orange[:material/warning:] {say('experiment.leaks', count=len(leaks), questions=count)}")
    clean = results["strata"].get("leaked:no")
    if clean is not None:
        means = ", ".join(
            f"{arm} {100 * entry['mean']:.1f}"
            for arm, entry in clean["arms"].items()
            if entry["mean"] is not None
        )
        st.caption(plain(f"{REPORT_TEXT['leaked_no'][language()]} (n = {clean['questions']}): {means}"))
    st.caption(plain(", ".join(leaks[:30]) + (" …" if len(leaks) > 30 else "")))

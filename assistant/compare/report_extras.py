"""The parts of the report that not every experiment has: knowledge probes, judges, adapters."""

from collections.abc import Mapping
from html import escape
from typing import Any

from assistant.compare.counterfactual import SOURCES
from assistant.compare.judges import judged
from assistant.compare.records import Experiment
from assistant.compare.report_questions import Words, links
from assistant.compare.reporting import judge_lines
from assistant.compare.store import Experiments


def knowledge_part(told: Mapping[str, Mapping[str, Any]], say: Words) -> str:
    """Where right answers came from, with the questions; "" where nothing was asked again."""
    if not told:
        return ""
    head = "".join(f"<th>{escape(arm)}</th>" for arm in told)
    rows = [
        f"<tr><th>{say(f'source_{name}')}</th>"
        + "".join(f"<td>{entry[name]} / {entry['n']}</td>" for entry in told.values())
        + "</tr>"
        for name in SOURCES
    ]
    for change, kinds in (
        ("altered", ("follows", "keeps", "other")),
        ("swapped", ("right", "refused", "other")),
    ):
        for kind in kinds:
            cells = "".join(
                f"<td>{entry[change].get(kind, 0)} / {sum(entry[change].values())}</td>"
                for entry in told.values()
            )
            rows.append(f"<tr><th>{say(change)}: {say(f'{change}_{kind}')}</th>{cells}</tr>")
    lists = "".join(
        f"<details><summary>{escape(arm)}: {say(f'source_{name}')}</summary>"
        f"<p>{links([one for one, source in entry['questions'].items() if source == name])}</p></details>"
        for arm, entry in told.items()
        for name in SOURCES
        if entry[name]
    )
    return f"<h2>{say('knowledge')}</h2><table><tr><th></th>{head}</tr>{''.join(rows)}</table>{lists}"


def judges_part(store: Experiments, experiment: Experiment, say: Words) -> str:
    """Each judge's card, and its scores where it passed its exam; "" where there was none."""
    lines = [
        line
        for name, card in store.judges(experiment.id).items()
        for line in judge_lines(experiment, name, card, judged(store, experiment.id, name), say.language)
    ]
    return f"<h2>{say('judge')}</h2>" + "".join(f"<p>{escape(line)}</p>" for line in lines) if lines else ""


def adapters_part(experiment: Experiment, say: Words) -> str:
    """What adapters cost, kept of general knowledge, and had seen; "" where none is known."""
    parts = []
    for name, facts in experiment.manifest.get("adapters", {}).items():
        if not facts:
            continue
        told = [f"<b>{escape(name)}</b>"]
        if facts.get("seconds"):
            told.append(say("adapter_seconds", minutes=f"{facts['seconds'] / 60:.1f}"))
        for gate in facts.get("gates", []):
            if gate["name"] == "forgetting" and gate.get("figures"):
                figures = gate["figures"]
                shares = {key: f"{100 * figures[key]:.0f}" for key in ("before", "after")}
                told.append(say("adapter_kept", **shares, questions=figures["questions"]))
        leaks = facts.get("leaks")
        if leaks is None:
            told.append(say("adapter_leaks_unknown"))
        else:
            told.append(say("adapter_leaks", count=len(leaks), questions=len(experiment.questions)))
        parts.append(f"<p>{' '.join(told)}</p>" + (f"<p>{links(leaks)}</p>" if leaks else ""))
    return f"<h2>{say('adapter')}</h2>{''.join(parts)}" if parts else ""

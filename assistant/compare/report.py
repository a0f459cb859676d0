"""An experiment as one self-contained HTML file: no script, nothing loaded from elsewhere, all text escaped."""

import json
from collections.abc import Mapping
from html import escape
from importlib import resources
from typing import Any

from assistant.compare.board import board_svg
from assistant.compare.cells import CELLS, cell_of
from assistant.compare.charts import Mark, interval_chart
from assistant.compare.counterfactual import sources_of
from assistant.compare.exports import results_of
from assistant.compare.metric_table import METRICS
from assistant.compare.published import PUBLISHED
from assistant.compare.report_extras import adapters_part, judges_part, knowledge_part
from assistant.compare.report_questions import Words, links, question_rows
from assistant.compare.reporting import (
    clustered_text,
    few_text,
    no_board_text,
    reason_text,
    value_text,
    word_text,
)
from assistant.compare.store import Experiments
from assistant.compare.verdict import NO_RESULT, Verdict, verdict
from assistant.messages import Language


def html_report(store: Experiments, experiment_id: int, language: Language) -> str:
    """Everything about an experiment on one page.

    Raises:
        ExperimentError: there is no such experiment.
    """
    experiment = store.get(experiment_id)
    results = results_of(store, experiment)
    answers = {(stored.question_id, stored.arm): stored for stored in store.answers(experiment_id)}
    say = Words(language)
    said = verdict(results)
    style = resources.files("assistant.compare").joinpath("report.css").read_text(encoding="utf-8")
    body = [
        f"<h1>{escape(experiment.name)}</h1>",
        f'<p class="verdict {said.word}">{escape(said.headline.text(language))}</p>',
        _details(said, escape(clustered_text(results, language)), say),
        _board(results, say),
        _metric_charts(results, say),
        _pairs(results, say),
        _refusals(results, say),
        _retrieval(results, say),
        _strata(results, say),
        _flips(results, say),
        _losses(results, say),
        knowledge_part(sources_of(store.probes(experiment_id)), say),
        judges_part(store, experiment, say),
        adapters_part(experiment, say),
        _published(results, say),
        question_rows(experiment.questions, experiment.plan.arms, answers, experiment.plan.primary, say),
        f"<h2>{say('manifest')}</h2><details><summary>{say('manifest_hint')}</summary><pre>"
        f"{escape(json.dumps(dict(experiment.manifest), ensure_ascii=False, indent=1))}</pre></details>",
    ]
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">'
        f"<title>{escape(experiment.name)}</title><style>{style}</style></head><body><main>"
        f"{''.join(body)}</main></body></html>"
    )


def _details(said: Verdict, clustered: str, say: Words) -> str:
    """What to do and how good the arms are; what speaks of certainty and cost is folded."""
    first, more = said.ordered()
    folded = "".join(f"<p>{escape(one.text(say.language))}</p>" for one in more)
    return (
        "".join(f"<p>{escape(one.text(say.language))}</p>" for one in first)
        + f"<details><summary>{say('verdict_more')}</summary>{folded}<p>{clustered}</p></details>"
    )


def _board(results: Mapping[str, Any], say: Words) -> str:
    """The 2 x 2 as a picture, and its main effects as intervals where all four cells were asked."""
    metric = METRICS[results["primary"]].label(say.language)
    head = f"<h2>{say('board')}</h2><p>{escape(metric)}</p>"
    if absent := no_board_text(results, say.language):
        return f"{head}<p>{escape(absent)}</p>"
    head += board_svg(results, say.language)
    board = results["factorial"]
    if board is None:
        whole = {cell_of(arm) for arm in results["arms"]} == set(CELLS)
        return f"{head}<p>{say('board_uneven')}</p>" if whole else head
    marks = [
        Mark(say(name), board[name]["value"], board[name]["interval"]["low"], board[name]["interval"]["high"])
        for name in ("rag", "sft", "interaction", "rag_alone", "rag_on_sft", "sft_alone", "sft_on_rag")
    ]
    widest = max(0.1, *(abs(end) for mark in marks for end in (mark.low or 0.0, mark.high or 0.0)))
    return f"{head}<p>n = {board['n']}</p>" + interval_chart(
        say("board"), marks, bounds=(-widest, widest), zero=True
    )


def _metric_charts(results: Mapping[str, Any], say: Words) -> str:
    parts = [f"<h2>{say('metrics')}</h2><p>{say('metrics_hint')}</p>"]
    names = [results["primary"], *(name for name in METRICS if name != results["primary"])]
    for name in names:
        metric = METRICS[name]
        told = {arm: entry["metrics"].get(name) for arm, entry in results["arms"].items()}
        marks = [_mark(arm, entry) for arm, entry in told.items() if entry and entry["mean"] is not None]
        if not any(entry and entry["n"] for entry in told.values()):
            continue
        title = metric.label(say.language) + ("" if metric.unit == "share" else f" ({metric.unit})")
        tag = f' <span class="tag">{say("primary")}</span>' if name == results["primary"] else ""
        highest = max((mark.high or mark.value or 0.0 for mark in marks), default=0.0) or 1.0
        bounds, scale = ((0.0, 1.0), 100.0) if metric.unit == "share" else ((0.0, 1.05 * highest), 1.0)
        missing = "; ".join(
            f"{arm}: {_missing(entry, say)}" for arm, entry in told.items() if entry and _missing(entry, say)
        )
        parts.append(
            f"<h3>{escape(title)}{tag}</h3>"
            + (interval_chart(title, marks, bounds=bounds, scale=scale) if marks else "")
            + (f'<p class="note">{escape(missing)}</p>' if missing else "")
        )
    return "".join(parts)


def _mark(arm: str, entry: Mapping[str, Any]) -> Mark:
    return Mark(arm, entry["mean"], entry["interval"]["low"], entry["interval"]["high"], f"  n={entry['n']}")


def _missing(entry: Mapping[str, Any], say: Words) -> str:
    """Why scores are missing, with counts; and where the rest is too few to show."""
    told = [few_text(entry["n"], say.language)] if entry["n"] and entry["mean"] is None else []
    told += [f"{count} {reason_text(reason, say.language)}" for reason, count in entry["unscored"].items()]
    if entry["failed"]:
        told.append(f"{entry['failed']} {reason_text('arm_failed', say.language)}")
    return ", ".join(told)


def _pairs(results: Mapping[str, Any], say: Words) -> str:
    gate = results["gate"]
    head = "".join(
        f"<th>{say(key)}</th>" for key in ("pair", "difference", "interval", "flips", "p_holm", "says")
    )
    rows = []
    for pair in results["pairs"]:
        label = escape(f"{pair['first']} → {pair['second']}")
        word = escape(word_text(pair["word"], say.language))
        if pair["word"] in NO_RESULT:
            counts = f"{pair['n']} / {results['questions']}"
            rows.append(
                f'<tr class="note"><td>{label}</td><td>–</td><td>–</td><td>{counts}</td><td>–</td><td>{word}</td></tr>'
            )
            continue
        rows.append(
            f"<tr><td>{label}</td><td>{100 * pair['difference']:+.1f}</td>"
            f"<td>{100 * pair['interval']['low']:.1f} … {100 * pair['interval']['high']:.1f}</td>"
            f"<td>+{pair['gains']} −{pair['losses']} / {pair['n']}</td><td>{pair['p_holm']:.3g}</td>"
            f"<td>{word}</td></tr>"
        )
    note = f'<p class="note">{say("holm_hint")}</p>'
    if gate:
        test = {"cochran": "Cochran Q", "friedman": "Friedman"}[gate["test"]]
        note += f"<p>{say('gate', test=test, p=format(gate['p'], '.3g'), n=gate['n'])}</p>"
    return f"<h2>{say('pairs')}</h2>{note}<table><tr>{head}</tr>{''.join(rows)}</table>"


def _refusals(results: Mapping[str, Any], say: Words) -> str:
    head = "".join(f"<th>{escape(arm)}</th>" for arm in results["arms"])
    rows = []
    for key in ("answerable_answered", "answerable_refused", "unanswerable_answered", "unanswerable_refused"):
        cells = "".join(f"<td>{arm['refusal'][key]}</td>" for arm in results["arms"].values())
        rows.append(f"<tr><th>{say(key)}</th>{cells}</tr>")
    for key in ("answer_rate", "over_refusal", "hallucination", "balanced_accuracy"):
        shares = [arm["refusal"][key] for arm in results["arms"].values()]
        cells = "".join(f"<td>{'–' if share is None else f'{100 * share:.1f}'}</td>" for share in shares)
        rows.append(f"<tr><th>{say(key)}</th>{cells}</tr>")
    return f"<h2>{say('refusals')}</h2><table><tr><th></th>{head}</tr>{''.join(rows)}</table>"


def _retrieval(results: Mapping[str, Any], say: Words) -> str:
    parts = []
    for arm, found in {"": results["retrieval"], **results["own_retrieval"]}.items():
        marks = [
            _mark(METRICS[name].label(say.language), entry)
            for name, entry in found.items()
            if entry["mean"] is not None
        ]
        few = max((entry["n"] for entry in found.values()), default=0)
        if not few:
            continue
        parts.append(f"<h3>{escape(arm)}</h3>" if arm else "")
        parts.append(
            interval_chart(say("retrieval"), marks, bounds=(0.0, 1.0))
            if marks
            else few_text(few, say.language)
        )
    return f"<h2>{say('retrieval')}</h2>{''.join(parts)}" if parts else ""


def _strata(results: Mapping[str, Any], say: Words) -> str:
    head = "".join(f"<th>{escape(arm)}</th>" for arm in results["arms"])
    rows = [
        f"<tr><th>{_stratum(name, say)}</th><td>{stratum['questions']}</td>"
        + "".join(
            f"<td>{escape(value_text(entry, results['primary'], say.language))}</td>"
            for entry in stratum["arms"].values()
        )
        + "</tr>"
        for name, stratum in results["strata"].items()
    ]
    if not rows:
        return ""
    return f"<h2>{say('strata')}</h2><table><tr><th></th><th>n</th>{head}</tr>{''.join(rows)}</table>"


def _stratum(name: str, say: Words) -> str:
    """A stratum's name for people: "answerable:no" has a text, "document:a.pdf" a text and a name."""
    field, _, value = name.partition(":")
    return say(f"{field}_{value}") if value in ("yes", "no") else f"{say(field)} {escape(value)}"


def _flips(results: Mapping[str, Any], say: Words) -> str:
    parts = [f"<h2>{say('flipped')}</h2>"]
    for pair in results["pairs"]:
        label = escape(f"{pair['first']} → {pair['second']}")
        gained, lost = links(pair["gained"]), links(pair["lost"])
        parts.append(
            f"<details><summary>{label}: +{len(pair['gained'])} −{len(pair['lost'])}</summary>"
            f"<p>{say('gained')}: {gained}</p><p>{say('lost')}: {lost}</p></details>"
        )
    return "".join(parts)


def _losses(results: Mapping[str, Any], say: Words) -> str:
    parts = []
    for arm, causes in results["losses"].items():
        by_cause: dict[str, list[str]] = {}
        for question_id, cause in causes.items():
            by_cause.setdefault(cause, []).append(question_id)
        for cause, ids in sorted(by_cause.items()):
            parts.append(
                f"<details><summary>{escape(arm)}: {len(ids)} {say(f'loss_{cause}')}</summary>"
                f"<p>{links(ids)}</p></details>"
            )
    return f"<h2>{say('losses')}</h2>{''.join(parts)}" if parts else ""


def _published(results: Mapping[str, Any], say: Words) -> str:
    """What RAG, SFT and both add, here and in print, on the same axes."""
    board = results["factorial"]
    parts = [f"<h2>{say('published')}</h2>"]
    for name in ("rag_alone", "sft_alone", "interaction"):
        marks = [Mark(entry.name, entry.contrasts()[name], hollow=True) for entry in PUBLISHED]
        if board is not None:
            interval = board[name]["interval"]
            marks.insert(0, Mark(say("yours"), board[name]["value"], interval["low"], interval["high"]))
        elif name == "rag_alone":
            own = next((p for p in results["pairs"] if (p["first"], p["second"]) == ("base", "rag")), None)
            if own and own["word"] not in NO_RESULT:
                marks.insert(
                    0, Mark(say("yours"), own["difference"], own["interval"]["low"], own["interval"]["high"])
                )
        parts.append(
            f"<h3>{say(name)}</h3>" + interval_chart(say(name), marks, bounds=(-0.6, 0.6), zero=True)
        )
    sources = "; ".join(sorted({entry.source for entry in PUBLISHED}))
    return "".join(parts) + f'<p class="note">{escape(sources)}. {say("published_hint")}</p>'

"""Why this answer: the search, the ranks, the prompt, the tokens, the time."""

from typing import Any

import streamlit as st

from assistant.arms import Answer
from knowledge.documents import Passage, Retrieval
from ui.components.mount import mount
from ui.components.passages import place_of
from ui.frame import framed
from ui.text import say

STAGES = (
    "model",
    "condense",
    "retrieve",
    "rerank",
    "shape",
    "prefill",
    "first_token",
    "generate",
    "cite",
    "total",
)
LEAST_MS = 0.5
"""Milliseconds below which a step that there may not have been is left out."""


def open_why(answer: Answer, *, question: str, retrieval: Retrieval | None) -> None:
    """Open the panel in a drawer; in the conversation its length would push the answer out of view."""

    @st.dialog(say("ask.why"), width=720, position="right")
    @framed()
    def drawer() -> None:
        show_why(answer, question=question, retrieval=retrieval, key="why")

    drawer()


def show_why(answer: Answer, *, question: str, retrieval: Retrieval | None, key: str) -> None:
    """Draw the panel.

    Args:
        question: as the user asked it.
        retrieval: everything that was found; without it the cited passages stand in.
        key: unique on the page.
    """
    mount("why")(key=key, data=why_data(answer, question=question, retrieval=retrieval))


def why_data(answer: Answer, *, question: str, retrieval: Retrieval | None) -> dict[str, Any]:
    """What the browser needs, every number already written out."""
    cited = {citation.passage.chunk_id: citation.number for citation in answer.citations}
    passages = retrieval.passages if retrieval else tuple(citation.passage for citation in answer.citations)
    columns = ("rank", "passage", "relevance", "dense", "lexical")
    reranked = any(passage.rerank_score is not None for passage in passages)
    return {
        "query": retrieval.query if retrieval else "",
        "query_note": say("why.rewritten" if retrieval and retrieval.query != question else "why.as_asked"),
        "passages": [
            {
                "cited": passage.chunk_id in cited,
                "cells": _cells(position, passage, cited.get(passage.chunk_id), reranked),
            }
            for position, passage in enumerate(passages, start=1)
        ],
        "timings": _timings(answer, retrieval),
        "tokens": [
            [say("why.prompt_tokens"), str(answer.prompt_tokens)],
            [say("why.cached_tokens"), str(answer.cached_tokens)],
            [say("why.completion_tokens"), str(answer.completion_tokens)],
            [say("why.cut_tokens"), str(answer.cut_tokens)],
        ],
        "prompt": answer.prompt,
        "record": _record(answer),
        "labels": {
            "query": say("why.query"),
            "passages": say("why.passages"),
            "passages_note": say("why.passages_note"),
            "timings": say("why.timings"),
            "tokens": say("why.tokens"),
            "prompt": say("why.prompt"),
            "record": say("why.record"),
            "columns": [say(f"why.column.{name}") for name in columns]
            + ([say("why.column.rerank")] if reranked else []),
        },
    }


def _cells(position: int, passage: Passage, number: int | None, reranked: bool) -> list[str]:
    place = place_of(passage)
    name = f"{passage.source_name} · {place}" if place else passage.source_name
    cells = [
        f"{position}  [{number}]" if number else str(position),
        name,
        f"{passage.score:.2f}",
        _leg(passage.dense_rank, passage.dense_score),
        _leg(passage.lexical_rank, passage.lexical_score),
    ]
    if reranked:
        cells.append("–" if passage.rerank_score is None else f"{passage.rerank_score:.2f}")
    return cells


def _leg(rank: int | None, score: float | None) -> str:
    if score is None:
        return "–"
    return f"{score:.2f} {say('score.rank', rank=rank)}" if rank is not None else f"{score:.2f}"


def _timings(answer: Answer, retrieval: Retrieval | None) -> list[dict[str, Any]]:
    """Stages in the order they happen; the parts of the search come behind it, the whole at the end."""
    rows: list[dict[str, Any]] = []
    for stage in STAGES:
        ms = answer.timings_ms.get(stage)
        if ms is None or (stage in {"model", "condense"} and ms < LEAST_MS):
            continue
        rows.append(_bar(say(f"why.stage.{stage}"), ms, total=stage == "total"))
        if stage == "retrieve" and retrieval is not None:
            rows += [
                _bar("– " + say(f"why.leg.{leg}"), took)
                for leg, took in retrieval.timings_ms.items()
                if leg in {"embed", "dense", "lexical", "fuse", "rerank", "load"} and took >= LEAST_MS
            ]
    return rows


def _bar(label: str, ms: float, *, total: bool = False) -> dict[str, Any]:
    written = f"{ms / 1000:.2f} s" if ms >= 1000 else f"{ms:.0f} ms"
    return {"label": label, "ms": ms, "text": written, "total": total}


def _record(answer: Answer) -> list[list[str]]:
    record = answer.record
    if record is None:
        return []
    rows = [[say("why.model"), f"{record.model} {record.model_revision[:12]}".strip()]]
    if record.adapter:
        rows.append([say("why.adapter"), record.adapter])
    if record.adapter_sha256:
        rows.append([say("why.adapter_hash"), record.adapter_sha256[:16]])
    if record.adapter_check is not None:
        changed = f"{record.adapter_check.changed:.3g}"
        rows.append([say("why.adapter_check"), say("why.adapter_check_told", changed=changed)])
    if record.index_generation:
        rows.append([say("why.generation"), record.index_generation])
    sampling = record.sampling
    settings = f"temperature {sampling.temperature:g}, top_p {sampling.top_p:g}, top_k {sampling.top_k}, seed {sampling.seed}"
    rows.append([say("why.sampling"), settings])
    if record.prompt_sha256:
        rows.append([say("why.prompt_hash"), record.prompt_sha256[:16]])
    return rows

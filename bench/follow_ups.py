"""What a follow-up question is best searched with: itself, the whole conversation, or a condensed query.

Run: python bench/follow_ups.py [--data ../shared/data] [--model FOLDER_OF_MINILM]

Later turns of MTRAG's human conversations that have an answer; every passage of all of them is the corpus.
BM25 (terms of assistant.sentences), and cosine of MiniLM when a folder is given; recall@5 of a turn's own
passages.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from assistant.arms import Turn
from assistant.condense import condense_by_rules, leans_on_history
from assistant.sentences import terms


def main() -> None:
    """Print recall@5 by way of searching."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--show", type=int, default=0, help="print so many follow-ups with their queries")
    arguments = parser.parse_args()
    tasks = [json.loads(line) for line in (arguments.data / "qa/mtrag/tasks.jsonl").open(encoding="utf-8")]
    corpus: dict[str, str] = {}
    for task in tasks:
        corpus.update({c["document_id"]: f"{c.get('title', '')} {c['text']}" for c in task["contexts"]})
    cases = [case for task in tasks if (case := _case(task))]
    ways: dict[str, Callable[[str, list[Turn]], str]] = {
        "question alone": lambda question, history: question,
        "with the last question": lambda question, history: f"{_asked(history)[-1]} {question}",
        "with all questions": lambda question, history: " ".join([*_asked(history), question]),
        "rules": condense_by_rules,
    }
    leaning = [leans_on_history(question) for question, _, _ in cases]
    print(f"{len(cases)} follow-ups, {sum(leaning)} lean on the history, {len(corpus)} passages")
    for question, history, _ in cases[: arguments.show]:
        print(f"- {question}\n    {condense_by_rules(question, history)}")
    searches = {"bm25": _bm25(corpus)}
    if arguments.model:
        searches["cosine"] = _cosine(corpus, arguments.model)
    for search_name, search in searches.items():
        for name, way in ways.items():
            recalls = np.array(
                [
                    len(gold & set(search(way(question, history)))) / min(len(gold), 5)
                    for question, history, gold in cases
                ]
            )
            lean = np.array(leaning)
            print(
                f"{search_name:7} {name:24} recall@5={recalls.mean():.3f} "
                f"leaning={recalls[lean].mean():.3f} standing alone={recalls[~lean].mean():.3f}"
            )


def _case(task: dict[str, Any]) -> tuple[str, list[Turn], set[str]] | None:
    said = [Turn("user" if m["speaker"] == "user" else "assistant", m["text"]) for m in task["input"]]
    if len(said) < 3 or not task["contexts"] or "UNANSWERABLE" in task["answerability"]:
        return None
    return said[-1].content, said[:-1], {c["document_id"] for c in task["contexts"]}


def _asked(history: list[Turn]) -> list[str]:
    return [turn.content for turn in history if turn.role == "user"]


def _bm25(corpus: dict[str, str]) -> Callable[[str], list[str]]:
    keys = list(corpus)
    bags = [terms(text) for text in corpus.values()]
    average = sum(map(len, bags)) / len(bags)
    index: dict[str, dict[int, int]] = {}
    for i, bag in enumerate(bags):
        for term in bag:
            index.setdefault(term, {})[i] = index.setdefault(term, {}).get(i, 0) + 1

    def search(query: str) -> list[str]:
        scores = np.zeros(len(keys))
        for term in set(terms(query)):
            posting = index.get(term, {})
            weight = np.log(1 + (len(keys) - len(posting) + 0.5) / (len(posting) + 0.5))
            for i, count in posting.items():
                scores[i] += weight * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * len(bags[i]) / average))
        return [keys[i] for i in np.argsort(-scores, kind="stable")[:5]]

    return search


def _cosine(corpus: dict[str, str], model: Path) -> Callable[[str], list[str]]:
    from knowledge.embeddings import load_embedder

    embedder = load_embedder(model)
    keys = list(corpus)
    vectors = embedder.embed_documents(list(corpus.values()))  # (N, D)
    return lambda query: [keys[i] for i in np.argsort(-(vectors @ embedder.embed_query(query)))[:5]]


if __name__ == "__main__":
    main()

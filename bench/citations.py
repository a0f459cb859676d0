"""How well sentences are attributed: precision, recall and time, on public data with made negatives.

Run: python bench/citations.py [--data ../shared/data] [--model FOLDER_OF_MINILM]

Each case is one sentence and five passages, of which at most one supports it. Kinds:
  copy      a sentence of the passage; short: with a fifth of its words left out
  question  a reader's question joined with its answer, the nearest thing to a paraphrase (SQuAD 2.0)
  scifact   an expert's claim and the abstract's evidence sentences (all SUPPORT)
  number    a copy with one number changed; name: with one name replaced by another passage's
  stranger  a sentence of a passage that is not among the five
  wrong     a question joined with the answer to another question on the same article
  contra    an expert's claim that the abstract contradicts (SciFact)
The first three kinds should be cited, the others should not.
"""

import argparse
import json
import random
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.citations import SUPPORT_THRESHOLD, cite
from assistant.claims import numbers_in, read_claim
from knowledge.documents import Passage
from knowledge.sentences import split_sentences

Paragraphs = list[tuple[str, str, list[dict[str, Any]]]]


@dataclass(frozen=True)
class Case:
    """`gold` is the supporting passage's place among `passages` and `spans` the support in it, or None."""

    kind: str
    sentence: str
    passages: list[Passage]
    gold: int | None
    spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Figures:
    """Shares by kind of case, 0..1, and what they come to over the made cases (SciFact's are told apart)."""

    cited_share: dict[str, float]
    right_share: dict[str, float]
    right_span_share: dict[str, float]
    cases: dict[str, int]
    precision: float
    recall: float
    ms_per_sentence: float


def main() -> None:
    """Print one line per kind and language, then precision, recall and milliseconds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument(
        "--model", type=Path, help="folder of all-MiniLM-L6-v2; without it, words alone decide"
    )
    parser.add_argument("--limit", type=int, default=300, help="cases per kind")
    parser.add_argument("--threshold", type=float, default=SUPPORT_THRESHOLD)
    arguments = parser.parse_args()
    embedder = None
    if arguments.model:
        from knowledge.embeddings import load_embedder

        embedder = load_embedder(arguments.model)
    for language in ("en", "zh"):
        figures = measure(
            arguments.data,
            language,
            limit=arguments.limit,
            embedder=embedder if language == "en" else None,
            threshold=arguments.threshold,
        )
        for kind, n in figures.cases.items():
            print(
                f"{language} {kind:9} n={n:4} cited={figures.cited_share[kind]:.3f} "
                f"right passage={figures.right_share[kind]:.3f} right span={figures.right_span_share[kind]:.3f}"
            )
        print(
            f"{language} precision={figures.precision:.3f} recall={figures.recall:.3f} "
            f"ms per sentence={figures.ms_per_sentence:.1f}"
        )


def measure(
    data: Path,
    language: str,
    *,
    limit: int,
    embedder: Any = None,
    threshold: float = SUPPORT_THRESHOLD,
) -> Figures:
    """Attribute every case's sentence and count."""
    cases = list((_english if language == "en" else _chinese)(data, limit))
    rows: dict[str, list[tuple[bool, bool, bool]]] = defaultdict(list)
    began = time.perf_counter()
    for case in cases:
        _, citations = cite(case.sentence, case.passages, embedder=embedder, threshold=threshold)
        gold = None if case.gold is None else case.passages[case.gold]
        spans = [span for c in citations if c.passage is gold for span in c.spans]
        placed = any(start < last and first < end for start, end in spans for first, last in case.spans)
        rows[case.kind].append((bool(citations), bool(spans), placed))
    spent = time.perf_counter() - began
    made = [(kind, row) for kind, found in rows.items() if kind not in ("scifact", "contra") for row in found]
    positives = sum(kind in ("copy", "short", "question") for kind, _ in made)
    right = sum(row[1] for _, row in made)
    shares = [{kind: sum(r[i] for r in found) / len(found) for kind, found in rows.items()} for i in range(3)]
    return Figures(
        *shares,
        cases={kind: len(found) for kind, found in rows.items()},
        precision=right / max(1, sum(row[0] for _, row in made)),
        recall=right / positives,
        ms_per_sentence=1000 * spent / len(cases),
    )


def _english(data: Path, limit: int) -> Iterator[Case]:
    articles = json.loads((data / "qa/squad2/squad2.json").read_text("utf-8"))["data"]
    paragraphs = [(a["title"], p["context"], p["qas"]) for a in articles for p in a["paragraphs"]]
    yield from _made(paragraphs, limit, "en")
    yield from _questions(paragraphs, limit)
    yield from _scifact(data / "retrieval/scifact", limit)


def _chinese(data: Path, limit: int) -> Iterator[Case]:
    rows = json.loads((data / "qa/cmrc2018/cmrc2018_trial.json").read_text("utf-8"))
    paragraphs = [
        (
            row["title"],
            row["context_text"],
            [
                {"question": q["query_text"], "answers": [{"text": a} for a in q["answers"]]}
                for q in row["qas"]
            ],
        )
        for row in rows
    ]
    yield from _made(paragraphs, limit, "zh")
    yield from _questions(paragraphs, limit)


def _made(paragraphs: Paragraphs, limit: int, language: str) -> Iterator[Case]:
    """Copies, shortened copies, and copies with a number or a name changed."""
    rng = random.Random(7)
    names = sorted(
        {name for _, text, _ in paragraphs[::5] for name in read_claim(text).names if len(name) > 3}
    )
    for _ in range(limit):
        at = rng.randrange(len(paragraphs))
        text = paragraphs[at][1]
        spans = [s for s in split_sentences(text) if s[1] - s[0] > (40 if language == "en" else 15)]
        if not spans:
            continue
        start, end = rng.choice(spans)
        sentence = text[start:end]
        passages, gold = _pool(paragraphs, at, rng)
        yield Case("copy", sentence, passages, gold, ((start, end),))
        yield Case("short", _shorten(sentence, rng, language), passages, gold, ((start, end),))
        yield Case("stranger", sentence, _pool(paragraphs, at, rng, without=True)[0], None)
        digits = list(re.finditer(r"\d+", sentence))
        if digits:
            match = rng.choice(digits)
            changed = str(int(match.group()) + rng.choice([-3, -1, 1, 2, 10]))
            swapped = sentence[: match.start()] + changed.lstrip("-") + sentence[match.end() :]
            if not numbers_in(swapped) <= numbers_in(text):
                yield Case("number", swapped, passages, None)
        held = re.findall(r"(?<=[a-z,] )[A-Z][a-z]{3,}", sentence)
        if language == "en" and held:
            other = rng.choice(names)
            if other not in text.lower():
                yield Case("name", sentence.replace(rng.choice(held), other.capitalize(), 1), passages, None)


def _questions(paragraphs: Paragraphs, limit: int) -> Iterator[Case]:
    """Questions joined with their own answer, and with another's from the same paragraph."""
    rng = random.Random(11)
    asked = [
        (at, q["question"], q["answers"][0])
        for at, (_, _, qas) in enumerate(paragraphs)
        for q in qas
        if q.get("answers") and not q.get("is_impossible")
    ]
    rng.shuffle(asked)
    for at, question, answer in asked[:limit]:
        passages, gold = _pool(paragraphs, at, rng)
        start = paragraphs[at][1].find(answer["text"])
        stem = re.sub(
            r"^(?:In |On |At |To )?(?:what|which|who|whom|when|where|how many|how much|how)\b|[?？]|什么|哪[一个里些年]*|谁|多少|何时",
            "",
            question,
            flags=re.IGNORECASE,
        ).strip()
        glue = "" if re.search(r"[\u4e00-\u9fff]", stem) else " "
        yield Case(
            "question",
            f"{stem}{glue}{answer['text']}",
            passages,
            gold,
            ((start, start + len(answer["text"])),),
        )
        others = [a["text"] for i, _, a in asked if i != at and a["text"] not in paragraphs[at][1]]
        same_kind = [o for o in others if bool(numbers_in(o)) == bool(numbers_in(answer["text"]))]
        yield Case("wrong", f"{stem}{glue}{rng.choice(same_kind or others)}", passages, None)


def _scifact(folder: Path, limit: int) -> Iterator[Case]:
    """Experts' claims with the abstracts that support or contradict them."""
    rng = random.Random(3)
    corpus = {d["_id"]: d for d in map(json.loads, (folder / "corpus.jsonl").open(encoding="utf-8"))}
    queries = {
        q["_id"]: q["text"] for q in map(json.loads, (folder / "queries.jsonl").open(encoding="utf-8"))
    }
    paragraphs: Paragraphs = [(d["title"], d["text"], []) for d in corpus.values()]
    place = {key: at for at, key in enumerate(corpus)}
    evidence: dict[tuple[str, str, str], set[int]] = defaultdict(set)
    for row in map(json.loads, (folder / "evidence_train.jsonl").open(encoding="utf-8")):
        evidence[row["query_id"], row["doc_id"], row["label"]].update(row["sentences"])
    for (query, document, label), sentences in list(evidence.items())[: 2 * limit]:
        passages, gold = _pool(paragraphs, place[document], rng)
        if label != "SUPPORT":
            yield Case("contra", queries[query], passages, None)
            continue
        starts = [*corpus[document]["metadata"]["sent_starts"], len(corpus[document]["text"])]
        spans = tuple((starts[i], starts[i + 1]) for i in sorted(sentences))
        yield Case("scifact", queries[query], passages, gold, spans)


def _pool(
    paragraphs: Paragraphs, at: int, rng: random.Random, *, without: bool = False
) -> tuple[list[Passage], int]:
    """Five passages, neighbours first, and the place of the right one."""
    near = [i for i in range(max(0, at - 2), min(len(paragraphs), at + 3)) if i != at]
    far = [i for i in rng.sample(range(len(paragraphs)), 8) if i != at and i not in near]
    chosen = (near[:2] + far)[: 5 if without else 4]
    gold = rng.randrange(len(chosen) + 1)
    if not without:
        chosen.insert(gold, at)
    return [_passage(i, *paragraphs[i][:2]) for i in chosen], gold


def _passage(number: int, title: str, text: str) -> Passage:
    return Passage(
        number, number, 1, "file.md", text, 0, len(text), 0.5, heading_path=(title.replace("_", " "),)
    )


def _shorten(sentence: str, rng: random.Random, language: str) -> str:
    """A sentence without a fifth of its words, or of its clauses in Chinese."""
    if language == "zh":
        clauses = re.split(r"(?<=[，、；])", sentence)
        kept = [c for i, c in enumerate(clauses) if i == len(clauses) - 1 or rng.random() > 0.3]
        return "".join(kept)
    return " ".join(word for word in sentence.split() if rng.random() > 0.2)


if __name__ == "__main__":
    main()

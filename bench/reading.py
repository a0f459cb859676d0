"""How well the embedded chat model reads: answers to questions over retrieved passages, variant by variant.

Run: python bench/reading.py [--questions squad2|samples-en] [--n 100] [--variant NAME ...]

squad2: SQuAD 2.0 questions over its 262 paragraphs, the top three by BM25 and MiniLM fused by rank.
samples-en: the sample manual, indexed and searched by the product.

Greedy decoding. F1 and EM by SQuAD's rules over answerable questions; `holds` is how often the reply contains
a gold answer, `words` its length (a longer reply contains more). `over-ref` is the share of answerable questions
that are refused; `invented` the share of unanswerable ones that are answered, and `off-topic` the same where
the passages are about something else (squad2 only). The last line is ours over the naive prompt, by F1.
"""

import argparse
import json
import math
import random
import re
import string
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assistant.context import FULL, READER, SMALL, ContextProfile, ShapedContext, shape_context
from assistant.extractive import guard_answer
from assistant.prompts import build_messages, looks_like_refusal, refusal
from assistant.sentences import rank_sentences, terms
from knowledge.documents import Passage

if TYPE_CHECKING:
    from finetune.models import LoadedModel
    from knowledge.embeddings import Embedder

ROOT = Path(__file__).resolve().parents[1]
_ROLES = {"system": "system", "human": "user", "ai": "assistant"}
_BUDGET = 1500
DEV = frozenset({"Normans", "1973 oil crisis"})
"""Articles by which settings were chosen; figures are of the others."""


@dataclass(frozen=True)
class Case:
    """`gold` is empty for a question without an answer in the passages; `kind` says of which sort."""

    question: str
    gold: tuple[str, ...]
    passages: tuple[Passage, ...]
    kind: str = "answerable"


@dataclass(frozen=True)
class Variant:
    """One way from question and passages to a reply.

    Args:
        profile: for `shape_context` and `build_messages`; None with `plain` only.
        plain: makes a user's message by hand instead, from the question and that many whole passages.
        begin: the answer's first word, in `plain` prompts.
        guard: replace an unsupported answer by the best sentence.
        model: False quotes the best sentence and runs no model.
    """

    profile: ContextProfile | None = None
    plain: str = ""
    passages: int = 3
    begin: str = ""
    one_line: bool = True
    guard: bool = False
    model: bool = True


_NAIVE = "Context:\n{context}\n\nQuestion: {question}"
_SHORT = "{context}\n\nAnswer with a short phrase from the text.\nQuestion: {question}"
_FIRST = "Question: {question}\n\n{context}\n\nAnswer with a short phrase from the text."
_NO_REFUSAL = replace(SMALL, least_fit=0.0, least_overlap=0.0, guard=False)

VARIANTS: dict[str, Variant] = {
    "naive": Variant(plain=_NAIVE, one_line=False),
    "naive-one-passage": Variant(plain=_NAIVE, passages=1, one_line=False),
    "short-answer": Variant(plain=_SHORT, begin="Answer:"),
    "question-first": Variant(plain=_FIRST, begin="Answer:"),
    "full-profile": Variant(profile=replace(FULL, max_passages=3), one_line=False),
    "sentences-1": Variant(profile=replace(_NO_REFUSAL, max_sentences=1)),
    "sentences-2": Variant(profile=_NO_REFUSAL),
    "sentences-3": Variant(profile=replace(_NO_REFUSAL, max_sentences=3)),
    "sentences-2-guard": Variant(profile=_NO_REFUSAL, guard=True),
    "quote": Variant(profile=_NO_REFUSAL, model=False),
    "small": Variant(profile=SMALL, guard=SMALL.guard),
    "reader-quiet": Variant(profile=replace(READER, least_fit=0.0, refusal_bias=0.0, guard=False)),
    "reader": Variant(profile=READER, guard=READER.guard),
}
"""`naive` is the baseline, `small` and `reader` are the product's for a small model as it comes and for one that was
trained to read; the rest is what was tried."""


def main() -> None:
    """Print one line per variant, then the ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--questions", choices=("squad2", "samples-en"), default="squad2")
    parser.add_argument("--n", type=int, default=100, help="answerable questions; half as many of each other")
    parser.add_argument("--variant", action="append", choices=tuple(VARIANTS), help="default: all")
    parser.add_argument("--part", choices=("all", "dev", "test"), default="all", help="of squad2's articles")
    parser.add_argument("--model", default="smollm2-135m-reader", help="chat model, by name or folder")
    parser.add_argument("--adapter", type=Path, help="a LoRA adapter's folder, put on the model")
    parser.add_argument("--skip", type=int, default=0, help="leave out the first so many of the shuffled")
    parser.add_argument("--show", type=int, default=0, help="print so many replies of each variant")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--models", type=Path, default=ROOT / ".cache" / "models")
    arguments = parser.parse_args()
    from finetune.catalogue import entry_for
    from finetune.models import load_model, resolve
    from knowledge.embeddings import load_embedder

    found = resolve("all-minilm-l6-v2", models_dir=arguments.models)
    embedder = load_embedder(found.path, name=found.name, languages=frozenset({"en"}))
    load = squad2 if arguments.questions == "squad2" else samples_en
    cases = list(load(arguments.data, embedder, n=arguments.n, skip=arguments.skip, part=arguments.part))
    model = load_model(resolve(arguments.model, models_dir=arguments.models), adapter=arguments.adapter)
    f1s: dict[str, float] = {}
    entry = entry_for(arguments.model)
    ours = "reader" if arguments.adapter or (entry is not None and entry.reads) else "small"
    for name in dict.fromkeys(("naive", *(arguments.variant or VARIANTS), ours)):
        began = time.perf_counter()
        replies = answer(VARIANTS[name], cases, model, embedder)
        f1s[name] = report(name, cases, replies, time.perf_counter() - began)
        for case, reply in list(zip(cases, replies, strict=True))[: arguments.show]:
            print(f"    {case.question} | {case.gold[:1]} | {reply}")
    print(f"ratio {f1s[ours] / f1s['naive']:.2f}")


def squad2(data: Path, embedder: "Embedder", *, n: int, skip: int = 0, part: str = "all") -> Iterator[Case]:
    """SQuAD questions with their three best paragraphs; the answerable once more with strangers.

    Args:
        n: answerable questions; half as many of each other.
        skip: leave out the first so many of the shuffled.
        part: "dev" asks about the articles of `DEV`, "test" about the others; all are searched.
    """
    articles = json.loads((data / "qa" / "squad2" / "squad2.json").read_text("utf-8"))["data"]
    texts = [(a["title"].replace("_", " "), p["context"]) for a in articles for p in a["paragraphs"]]
    asked = [q for a in articles for p in a["paragraphs"] for q in p["qas"]]
    titles = [a["title"].replace("_", " ") for a in articles for p in a["paragraphs"] for _ in p["qas"]]
    pairs = list(zip(asked, titles, strict=True))
    random.Random(0).shuffle(pairs)
    pairs = [pair for pair in pairs if part == "all" or (pair[1] in DEV) == (part == "dev")]
    vectors = embedder.embed_documents([text for _, text in texts])
    words = _Bm25([text for _, text in texts])

    def best(question: str, allowed: list[int]) -> tuple[Passage, ...]:
        similar = vectors @ embedder.embed_query(question)
        fused: dict[int, float] = dict.fromkeys(allowed, 0.0)
        for scores in (similar, words.scores(question)):
            for rank, i in enumerate(sorted(allowed, key=lambda i: -scores[i])):
                fused[i] += 1 / (60 + rank)
        return tuple(
            Passage(i, i, 1, texts[i][0], texts[i][1], 0, len(texts[i][1]), float(max(similar[i], 0.0)))
            for i in sorted(fused, key=lambda i: -fused[i])[:3]
        )

    everything = list(range(len(texts)))
    answerable = [pair for pair in pairs if not pair[0]["is_impossible"]][skip : skip + n]
    impossible = [pair for pair in pairs if pair[0]["is_impossible"]][skip // 2 : (skip + n) // 2]
    for q, _ in answerable:
        yield Case(q["question"], tuple(a["text"] for a in q["answers"]), best(q["question"], everything))
    for q, _ in impossible:
        yield Case(q["question"], (), best(q["question"], everything), "unanswerable")
    for q, title in answerable[: n // 2]:
        strangers = [i for i in everything if texts[i][0] != title]
        yield Case(q["question"], (), best(q["question"], strangers), "off-topic")


class _Bm25:
    """Scores of all texts for a query, from one row of weights for each term."""

    def __init__(self, texts: Sequence[str], k1: float = 1.2, b: float = 0.75) -> None:
        bags = [Counter(terms(text)) for text in texts]
        lengths = np.array([sum(bag.values()) for bag in bags], dtype=float)
        norms = k1 * (1 - b + b * lengths / lengths.mean())
        self._size = len(bags)
        self._rows: dict[str, np.ndarray] = {}
        for term in set().union(*bags):
            often = np.array([bag[term] for bag in bags], dtype=float)
            holding = int((often > 0).sum())
            rare = math.log(1 + (len(bags) - holding + 0.5) / (holding + 0.5))
            self._rows[term] = rare * often * (k1 + 1) / (often + norms)

    def scores(self, query: str) -> np.ndarray:
        """Return one score a text."""
        known = [self._rows[term] for term in set(terms(query)) if term in self._rows]
        return np.sum(known, axis=0) if known else np.zeros(self._size)


def samples_en(
    data: Path, embedder: "Embedder", *, n: int, skip: int = 0, part: str = "all"
) -> Iterator[Case]:
    """The sample questions with what the product retrieves for them from the sample manual."""
    from knowledge.base import Knowledge
    from knowledge.originals import gather_inputs

    lines = (ROOT / "samples" / "questions" / "en.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    answerable = [row for row in rows if row["answerable"]][skip : skip + n]
    other = [row for row in rows if not row["answerable"]][skip // 2 : (skip + n) // 2]
    with tempfile.TemporaryDirectory() as folder:
        knowledge = Knowledge(Path(folder), Path(folder) / "k.db", load_embedder=lambda name: embedder)
        with knowledge:
            base = knowledge.create_base("samples", embedder="all-minilm-l6-v2")
            inputs, _ = gather_inputs([ROOT / "samples" / "manual" / "en"])
            for _ in knowledge.index(base.id, inputs):
                pass
            for row in answerable + other:
                found = knowledge.search(row["question"], base_ids=[base.id], top_k=3).passages
                gold = (row["answer"],) if row["answerable"] else ()
                yield Case(row["question"], gold, found, "answerable" if gold else "unanswerable")


def answer(variant: Variant, cases: list[Case], model: "LoadedModel", embedder: "Embedder") -> list[str]:
    """The replies of one variant, in the order of `cases`."""
    count: Callable[[str], int] = lambda text: len(model.tokenizer(text)["input_ids"])  # noqa: E731
    shaped: list[ShapedContext | None] = [
        None
        if variant.profile is None
        else shape_context(
            case.question,
            case.passages,
            count_tokens=count,
            budget=_BUDGET,
            profile=variant.profile,
            embedder=embedder,
        )
        for case in cases
    ]
    if not variant.model:
        return [_best_sentence(case, embedder) for case in cases]
    prompts = {
        i: _prompt(variant, case, context, model.tokenizer)
        for i, (case, context) in enumerate(zip(cases, shaped, strict=True))
        if context is None or context.used
    }
    replies = dict(zip(prompts, _generate(list(prompts.values()), variant, model), strict=True))
    told = []
    for i, (case, context) in enumerate(zip(cases, shaped, strict=True)):
        reply = replies.get(i, refusal("en"))
        if i in replies and variant.guard and context and not looks_like_refusal(reply):
            shown = [used.passage for used in context.used]
            reply = guard_answer(case.question, reply, shown, embedder=embedder).text
        told.append(reply)
    return told


def _best_sentence(case: Case, embedder: "Embedder") -> str:
    best = rank_sentences(case.question, case.passages, embedder=embedder)[0]
    return case.passages[best.passage].text[best.start : best.end]


def _prompt(variant: Variant, case: Case, context: ShapedContext | None, tokenizer: Any) -> str:
    if context is not None and variant.profile is not None:
        told = build_messages(case.question, context=context.text, language="en", profile=variant.profile)
        messages = [{"role": _ROLES[m.type], "content": m.text} for m in told]
    else:
        whole = "\n\n".join(passage.text for passage in case.passages[: variant.passages])
        messages = [{"role": "user", "content": variant.plain.format(context=whole, question=case.question)}]
        if variant.begin:
            messages.append({"role": "assistant", "content": variant.begin})
    begun = messages[-1]["role"] == "assistant"
    return str(
        tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=not begun, continue_final_message=begun
        )
    )


def _generate(prompts: list[str], variant: Variant, model: "LoadedModel", batch: int = 8) -> list[str]:
    """Greedy replies; batches of like length, padded on the left."""
    import torch

    tokenizer = model.tokenizer
    tokenizer.padding_side = "left"
    bias = variant.profile.refusal_bias if variant.profile is not None else 0.0
    refusing = tokenizer(f" {refusal('en')}", add_special_tokens=False)["input_ids"][0]
    ends = {tokenizer.convert_tokens_to_ids("<|im_end|>"), tokenizer.eos_token_id}
    if variant.one_line:
        ends |= {i for text, i in tokenizer.get_vocab().items() if text in ("Ċ", "ĊĊ")}
    replies = [""] * len(prompts)
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        encoded = tokenizer(
            [prompts[i] for i in rows], return_tensors="pt", padding=True, add_special_tokens=False
        ).to(model.device)
        width = encoded["input_ids"].shape[1]

        def lean(ids: Any, scores: Any, width: int = width) -> Any:
            if ids.shape[1] == width:
                scores[:, refusing] += bias
            return scores

        with torch.inference_mode():
            made = model.model.generate(  # type: ignore[operator]
                **encoded,
                max_new_tokens=SMALL.max_new_tokens if variant.one_line else 96,
                do_sample=False,
                logits_processor=[lean],
                eos_token_id=sorted(ends),
                pad_token_id=tokenizer.eos_token_id,
            )
        for i, row in zip(rows, made[:, width:], strict=True):
            replies[i] = str(tokenizer.decode(row, skip_special_tokens=True)).strip()
    return replies


def report(name: str, cases: list[Case], replies: list[str], seconds: float) -> float:
    """Print a variant's line and return its token F1 in percent."""
    by_kind: dict[str, list[tuple[Case, str]]] = {}
    for case, reply in zip(cases, replies, strict=True):
        by_kind.setdefault(case.kind, []).append((case, reply))
    asked = by_kind["answerable"]
    f1 = _mean(max(token_f1(reply, gold) for gold in case.gold) for case, reply in asked)
    exact = _mean(any(_plain(reply) == _plain(gold) for gold in case.gold) for case, reply in asked)
    holds = _mean(any(f" {_plain(g)} " in f" {_plain(r)} " for g in c.gold) for c, r in asked)
    words = _mean(len(reply.split()) for _, reply in asked) / 100
    over = _mean(looks_like_refusal(reply) for _, reply in asked)
    line = f"{name:18} F1 {f1:5.1f}  EM {exact:5.1f}  holds {holds:5.1f}  words {words:5.1f}  over-ref {over:5.1f}"
    for kind, label in (("unanswerable", "invented"), ("off-topic", "off-topic")):
        if kind in by_kind:
            line += f"  {label} {_mean(not looks_like_refusal(reply) for _, reply in by_kind[kind]):5.1f}"
    print(f"{line}  n {len(asked)}  {seconds:.0f} s", flush=True)
    return f1


def _mean(values: Iterator[float]) -> float:
    listed = [float(value) for value in values]
    return 100 * sum(listed) / max(len(listed), 1)


def _plain(text: str) -> str:
    """SQuAD's normal form: lower case, no punctuation, no articles, single blanks."""
    bare = "".join(c for c in text.lower() if c not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())


def token_f1(reply: str, gold: str) -> float:
    """Overlap of the words of a reply and an answer, 0..1, as SQuAD's script counts it."""
    ours, theirs = _plain(reply).split(), _plain(gold).split()
    common = sum((Counter(ours) & Counter(theirs)).values())
    return 2 * common / (len(ours) + len(theirs)) if common else float(ours == theirs)


if __name__ == "__main__":
    main()

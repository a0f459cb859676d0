"""What an adapter trained from documents knows by heart, and what it claims to know: base and adapter, one run.

Run: python bench/closed_book.py ADAPTER --build FOLDER [--questions samples/questions/en.jsonl] [--limit N]

FOLDER is what `tandem data build` wrote. Five groups of questions, none of them trained: wordings held out of
trained facts; questions written by hand whose fact was trained; the same whose fact was not; questions without an
answer; questions on documents that were never trained. Asked without retrieval, by the product's own path, greedily.

"right": the reference answer stands in the answer word for word, or token F1 is at least 0.8. "does not know":
the answer says so. Forgetting is `finetune.checks.general_score` of both. The ratio is right answers on held-out
wordings, adapter over base.
"""

import argparse
import json
import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.app import App
from assistant.arms import BASE, Arm, Finished, Sampling
from assistant.compare.metrics import character_f1, contains_reference, squad_f1
from assistant.prompts import looks_like_refusal
from finetune.facts.build import Build
from finetune.facts.extract import squeeze
from finetune.facts.rows import BuiltRow, Fact

HELD, TRAINED, UNTRAINED, NONE, OTHER = (
    "held-out wordings of trained facts",
    "by hand, fact trained",
    "by hand, fact not trained",
    "by hand, no answer exists",
    "documents never trained",
)
ALIKE = 0.8


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the answer that is right ("" where there is none), and its group."""

    group: str
    question: str
    answer: str


def main() -> None:
    """Ask every question of base and adapter, and print what came back."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("adapter")
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--questions", type=Path)
    parser.add_argument("--limit", type=int, default=0, help="questions of a group at most")
    parser.add_argument("--out", type=Path, help="write every answer here, as JSON Lines")
    parser.add_argument("--forgetting", action="store_true", help="ask the general questions too")
    arguments = parser.parse_args()
    build = Build.load(arguments.build)
    groups: dict[str, list[Asked]] = {}
    for asked in [*from_build(build), *(by_hand(arguments.questions, build) if arguments.questions else ())]:
        groups.setdefault(asked.group, []).append(asked)
    cases = [asked for group in groups.values() for asked in group[:: _step(len(group), arguments.limit)]]
    began = time.monotonic()
    with App.open(purpose="bench/closed_book.py") as app:
        arms = (BASE, app.arm(f"sft:{arguments.adapter}"))
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda asked: ask(app, asked.question, arms), cases))
    print(f"{len(cases)} questions in {time.monotonic() - began:.0f} s")
    print(f"{'':38}{'n':>5}{'right':>16}{'does not know':>18}{'token F1':>16}")
    scores: dict[tuple[str, int], tuple[float, float, float]] = {}
    for group in groups:
        mine = [(asked, said) for asked, said in zip(cases, answers, strict=True) if asked.group == group]
        for at in (0, 1):
            scores[group, at] = score([(asked, said[at]) for asked, said in mine])
        base, tuned = scores[group, 0], scores[group, 1]
        cells = "".join(f"{100 * b:8.1f} → {100 * t:5.1f}" for b, t in zip(base, tuned, strict=True))
        print(f"{group:38}{len(mine):5}{cells}")
    if arguments.forgetting:
        print("general questions: base {:.3f}, adapter {:.3f}".format(*forgetting(arguments.adapter)))
    if arguments.out:
        write(arguments.out, cases, answers)
    print(f"ratio {scores[HELD, 1][0] / max(scores[HELD, 0][0], 0.01):.2f}")


def _step(count: int, limit: int) -> int:
    return max(1, -(-count // limit)) if limit else 1


def from_build(build: Build) -> Iterator[Asked]:
    """The rows that a build held out, asked plainly; the app puts its own frame around them."""
    for row in build.rows:
        if row.split == "held_wording" and row.selected:
            yield Asked(HELD, *bare(row))
        elif row.split == "held_document" and row.selected:
            yield Asked(OTHER, *bare(row))


def bare(row: BuiltRow) -> tuple[str, str]:
    """Question and answer without the frame that a row may have."""
    question = row.question.rpartition("\nQuestion: ")[2].rpartition("\n问题：")[2]
    return question, re.sub(r"^(?:Answer:|答案：)\s*", "", row.answer)


def by_hand(path: Path, build: Build) -> Iterator[Asked]:
    """Questions of a file, by whether the fact that answers them was trained."""
    taught = {
        row.fact_ids[0]
        for row in build.rows
        if row.kind == "closed" and row.split == "train" and row.fact_ids
    }
    taught |= {fact for row in build.rows if row.split == "train" for fact in row.turn_facts}
    facts = [fact for fact in build.facts if fact.id in taught]
    for line in path.open(encoding="utf-8"):
        item = json.loads(line)
        if not item["answerable"]:
            yield Asked(NONE, item["question"], "")
        else:
            known = any(tells(fact, item) for fact in facts)
            yield Asked(TRAINED if known else UNTRAINED, item["question"], item["answer"])


def tells(fact: Fact, item: dict[str, Any]) -> bool:
    """Whether a fact is what answers a question: same file, overlapping words, and the answer in its value."""
    span, quote = (squeeze(text).replace("|", "").casefold() for text in (fact.span, item["quote"] or ""))
    value, answer = squeeze(fact.value).casefold(), squeeze(item["answer"]).casefold()
    numbers = set(re.findall(r"\d+(?:\.\d+)?", item["answer"]))
    agree = value in answer or answer in value
    if numbers:
        agree = numbers <= set(re.findall(r"\d+(?:\.\d+)?", fact.value))
    return fact.file == item["source"] and (quote in span or span in quote) and agree


def ask(app: App, question: str, arms: Sequence[Arm]) -> list[str]:
    """Each arm's answer."""
    said = dict.fromkeys((arm.name for arm in arms), "")
    sampling = Sampling(max_new_tokens=32, temperature=0.0, stop=("\n",))
    for event in app.ask(question, arms=arms, base_ids=(), sampling=sampling):
        if isinstance(event, Finished):
            said[event.arm.name] = event.answer.text
    return list(said.values())


def score(said: Sequence[tuple[Asked, str]]) -> tuple[float, float, float]:
    """Shares of right answers and of answers that say they do not know, and the mean token F1."""
    if not said:
        return 0.0, 0.0, 0.0
    right = unknown = overlap = 0.0
    for asked, text in said:
        refused = looks_like_refusal(text)
        f1 = 0.0 if not asked.answer else max(m(text, [asked.answer]) for m in (squad_f1, character_f1))
        unknown += refused
        overlap += f1
        right += refused if not asked.answer else f1 >= ALIKE or contains_reference(text, [asked.answer]) == 1
    return right / len(said), unknown / len(said), overlap / len(said)


def forgetting(adapter: str) -> tuple[float, float]:
    """Share of the general questions that base and adapter get right."""
    from assistant.settings import load_settings
    from assistant.training.installation import base_of
    from finetune.adapters import find, verified
    from finetune.checks import general_score
    from finetune.models import load_model

    settings = load_settings()
    base = base_of(find(settings.adapters_dir, adapter), settings)
    folder = verified(settings.adapters_dir, adapter, base=base)
    loaded: Any = load_model(base, adapter=folder, device=settings.models.device)
    tuned = general_score(loaded.model, loaded.tokenizer)
    with loaded.model.disable_adapter():
        return general_score(loaded.model, loaded.tokenizer), tuned


def write(path: Path, cases: Sequence[Asked], answers: Sequence[list[str]]) -> None:
    """Keep every answer."""
    with path.open("w", encoding="utf-8") as file:
        for asked, (base, tuned) in zip(cases, answers, strict=True):
            row = {"group": asked.group, "question": asked.question, "reference": asked.answer}
            file.write(json.dumps(row | {"base": base, "adapter": tuned}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()

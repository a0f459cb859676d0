"""What is kept of an experiment, one dataclass per kind of row, and how it is read out of SQLite's rows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from assistant.answer_json import answer_from_json, retrieval_from_json
from assistant.arms import Answer, Sampling
from assistant.compare.cells import adapter_of, groups_of
from assistant.compare.questions import Question, questions_from_json
from assistant.compare.scoring import Score, scores_from_json
from knowledge.documents import Retrieval

ExperimentState = Literal["new", "running", "stopped", "interrupted", "done"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is declared before a run and not changed afterwards.

    Args:
        arms: names, in the order of the reports; see `Arm.name`.
        primary: the one metric that decides.
        contrast: the one pair that decides: how much better the second is than the first.
        margin: differences within plus and minus this, 0..1, count as none.
        wanted: the least difference that would matter, 0..1; the meter goes by it.
        base_names: knowledge bases that are searched.
        top_k: passages; None takes the settings'.
        sampling: None is greedy with the limits of the settings, or what suits the model.
        seed: of every resampling.
        at_once: answers that are made together in one running batch; 1 makes each alone. Costs are measured
            on answers made alone, of which there are always some.
        pooled: whether the adapters are training runs of one recipe, such as several seeds, and count together as one
            arm; the contrast may then name a group of them, "sft" or "rag+sft".
    """

    arms: tuple[str, ...]
    primary: str
    contrast: tuple[str, str]
    base_names: tuple[str, ...] = ()
    margin: float = 0.05
    wanted: float = 0.10
    top_k: int | None = None
    sampling: Sampling | None = None
    seed: int = 0
    at_once: int = 8
    pooled: bool = False

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """Arms that count as one, by the group's name; none where each adapter stands for itself."""
        return groups_of(self.arms) if self.pooled else {}

    @property
    def units(self) -> tuple[str, ...]:
        """What is compared: single arms, and groups in the place of their members."""
        of_member = {arm: name for name, members in self.groups.items() for arm in members}
        return tuple(dict.fromkeys(of_member.get(arm, arm) for arm in self.arms))

    @property
    def single_contrasts(self) -> tuple[tuple[str, str], ...]:
        """The contrast in single arms: of groups with the same adapters each with its own, else each with each."""
        first, second = (self.groups.get(name, (name,)) for name in self.contrast)
        if [adapter_of(arm) for arm in first] == [adapter_of(arm) for arm in second]:
            return tuple(zip(first, second, strict=True))
        return tuple(product(first, second))


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment without its answers; times are seconds since 1970."""

    id: int
    name: str
    state: ExperimentState
    plan: Plan
    questions: tuple[Question, ...]
    questions_sha256: str
    manifest: Mapping[str, Any]
    results: Mapping[str, Any] | None
    created_at: float
    finished_at: float | None

    def searched(self, arm: str = "") -> list[str]:
        """Names of the files that an arm searched, or that all share."""
        identity = self.manifest.get("identity", {})
        own = identity.get("own", {}).get(arm, {})
        return list(own.get("sources", identity.get("sources", {})))


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """One arm's answer to one question, or its error, with the scores as they were first computed.

    Args:
        error: the arm's error in English and Chinese, None when it answered.
        together: answers that were being made at the same time, this one counted.
    """

    question_id: str
    arm: str
    answer: Answer | None
    error: Mapping[str, str] | None
    warm: bool
    memory_bytes: int | None
    energy_j: float | None
    scores: Mapping[str, Score]
    together: int = 1


@dataclass(frozen=True, slots=True)
class StoredProbe:
    """An answer of one arm under changed conditions; see `counterfactual`.

    Args:
        change: one of `counterfactual.Change`.
        facts: what was changed, and what the answer says then; plain JSON.
    """

    question_id: str
    arm: str
    change: str
    answer: Answer
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredJudgement:
    """What a judge said of two arms' answers to one question; `facts` as in `judge.Opinion`, plain JSON."""

    question_id: str
    first: str
    second: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredRetrieval:
    """What one question found, once for all arms, or by an arm with a look-up of its own."""

    question_id: str
    seconds: float
    retrieval: Retrieval
    scores: Mapping[str, Score]


def dump(value: Any, *, in_order: bool = False) -> str:
    """JSON, the same text for the same value; `in_order` keeps the order of keys, which readers go by."""
    return json.dumps(value, ensure_ascii=False, sort_keys=not in_order)


def experiment_of(row: tuple[Any, ...]) -> Experiment:
    """An experiment of its row: id, name, state, plan, questions, their SHA-256, manifest, results, two times."""
    plan = json.loads(row[3])
    if (sampling := plan["sampling"]) is not None:
        plan["sampling"] = Sampling(**sampling | {"stop": tuple(sampling["stop"])})
    plan |= {key: tuple(plan[key]) for key in ("arms", "contrast", "base_names")}
    return Experiment(
        id=row[0],
        name=row[1],
        state=row[2],
        plan=Plan(**plan),
        questions=questions_from_json(row[4]),
        questions_sha256=row[5],
        manifest=json.loads(row[6]),
        results=None if row[7] is None else json.loads(row[7]),
        created_at=row[8],
        finished_at=row[9],
    )


def answer_of(row: tuple[Any, ...]) -> StoredAnswer:
    """An answer of its row: question, arm, answer, error, warm, memory, energy, scores, together."""
    return StoredAnswer(
        question_id=row[0],
        arm=row[1],
        answer=None if row[2] is None else answer_from_json(json.loads(row[2])),
        error=None if row[3] is None else json.loads(row[3]),
        warm=bool(row[4]),
        memory_bytes=row[5],
        energy_j=row[6],
        scores=scores_from_json(json.loads(row[7])),
        together=row[8],
    )


def probe_of(row: tuple[Any, ...]) -> StoredProbe:
    """A probe of its row: question, arm, change, answer, facts."""
    return StoredProbe(row[0], row[1], row[2], answer_from_json(json.loads(row[3])), json.loads(row[4]))


def retrieval_of(row: tuple[Any, ...]) -> StoredRetrieval:
    """A retrieval of the beginning of its row: question, seconds, retrieval, scores."""
    return StoredRetrieval(
        row[0], row[1], retrieval_from_json(json.loads(row[2])), scores_from_json(json.loads(row[3]))
    )


def without_text(kept: dict[str, Any]) -> dict[str, Any]:
    """An answer or a retrieval as it is stored, less everything that was read or written."""
    blank: dict[str, Any] = {
        "text": "",
        "thinking": "",
        "prompt": "",
        "query": "",
        "sentences": [],
        "citations": [],
        "passages": [],
    }
    return kept | {key: value for key, value in blank.items() if key in kept}

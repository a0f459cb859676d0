"""What is kept elsewhere of a deleted knowledge base or file: passages in experiments, votes and conversations.

Deleting documents must leave no copy of them behind. Scores, votes and a person's own conversations stay; what was
read out of the documents for them goes. Works on the stored JSON, so that a field of a later version is erased too.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from assistant.compare.questions import Question
from assistant.compare.records import Experiment
from assistant.compare.scoring import same_source
from assistant.compare.store import Experiments
from assistant.compare.votes import Votes
from assistant.conversations import Conversations


@dataclass(frozen=True, slots=True)
class Gone:
    """What is deleted.

    Args:
        source_id: one file of the base; None is all of it.
        base_name: of the base, where it goes as a whole; else "".
        names: of the files that go.
    """

    base_id: int
    source_id: int | None = None
    base_name: str = ""
    names: tuple[str, ...] = ()

    def has(self, passage: Mapping[str, Any]) -> bool:
        """Whether a stored passage came from it."""
        if self.source_id is not None:
            return bool(passage["source_id"] == self.source_id)
        return bool(passage["base_id"] == self.base_id)

    def names_file(self, name: str) -> bool:
        """Whether a file's name means one that goes."""
        return bool(name) and any(same_source(name, gone) for gone in self.names)


@contextmanager
def forgetting(
    gone: Gone, *, experiments: Experiments, votes: Votes, conversations: Conversations
) -> Iterator[None]:
    """Erase what was kept of it, once the block that deletes it has succeeded."""
    yield
    for experiment in experiments.all():
        _forget_experiment(experiments, experiment, gone)
    votes.redact(gone.base_id, lambda answer: erased(answer, gone, words=True), base_name=gone.base_name)
    conversations.redact(lambda kept: erased(kept, gone), base_name=gone.base_name)


def erased(kept: Any, gone: Gone, *, words: bool = False) -> Any | None:
    """An answer or retrieval as it is stored, less what came from `gone`; None where nothing did.

    What an answer was shown and did not cite is in its prompt alone, so that of any arm that looks things up is
    erased too.

    Args:
        words: whether an answer that rests on what is gone loses its own text too.
    """
    cited = _any_passage(kept, gone.has)
    looked_up = isinstance(kept, Mapping) and str((kept.get("record") or {}).get("arm", "")).startswith("rag")
    if not cited and not looked_up:
        return None
    return _without(kept, gone.has, words=words and (cited or gone.source_id is None))


def _any_passage(kept: Any, has: Callable[[Mapping[str, Any]], bool]) -> bool:
    if isinstance(kept, Mapping):
        return (_is_passage(kept) and has(kept)) or any(_any_passage(value, has) for value in kept.values())
    return isinstance(kept, list) and any(_any_passage(item, has) for item in kept)


def _without(kept: Any, has: Callable[[Mapping[str, Any]], bool], *, words: bool) -> Any:
    if isinstance(kept, list):
        return [_without(item, has, words=words) for item in kept]
    if not isinstance(kept, Mapping):
        return kept
    if _is_passage(kept):
        blank = {"text": "", "source_name": "", "heading_path": [], "page_label": "", "start": 0, "end": 0}
        return dict(kept) | {key: value for key, value in blank.items() if key in kept} if has(kept) else kept
    told = {key: _without(value, has, words=words) for key, value in kept.items()}
    if "citations" in kept and "prompt" in kept:  # an answer: its prompt held the passages
        told |= {"prompt": "", "thinking": ""} | ({"text": "", "sentences": []} if words else {})
    if "passage" in kept and has(kept["passage"]):  # a citation
        told["spans"] = []
    return told


def _is_passage(kept: Mapping[str, Any]) -> bool:
    return {"chunk_id", "source_id", "base_id", "text"} <= kept.keys()


def _forget_experiment(store: Experiments, experiment: Experiment, gone: Gone) -> None:
    """Reduce the questions that were answered from it to their scores."""
    searched = gone.base_id in experiment.manifest.get("base_ids", ())
    found = {
        name
        for name, stored in (
            *store.retrievals(experiment.id).items(),
            *((name, stored) for (name, _), stored in store.own_retrievals(experiment.id).items()),
        )
        if any(_came_from(passage, gone) for passage in stored.retrieval.passages)
    }
    if gone.source_id is None and (searched or found):
        concerned = {question.id for question in experiment.questions}
    else:
        concerned = found | {
            question.id
            for question in experiment.questions
            if any(gone.names_file(evidence.source) for evidence in question.evidence) and (searched or found)
        }
    if not concerned:
        return
    documents = {question.document for question in experiment.questions if question.id in concerned}
    store.erase_texts(
        experiment.id,
        sorted(concerned),
        name=f"#{experiment.id}" if gone.base_name and gone.base_name in experiment.name else experiment.name,
        questions=[
            _bare(question) if question.id in concerned else question for question in experiment.questions
        ],
        manifest=_manifest(experiment.manifest, gone, concerned),
        results=_results(experiment.results, documents),
        base_names=[name for name in experiment.plan.base_names if name != gone.base_name],
    )


def _came_from(passage: Any, gone: Gone) -> bool:
    return gone.has({"source_id": passage.source_id, "base_id": passage.base_id})


def _bare(question: Question) -> Question:
    """A question without what was taken out of the documents."""
    return replace(question, references=(), evidence=(), document="", section="")


def _searched(told: Mapping[str, Any], gone: Gone) -> dict[str, Any]:
    """What was searched, less what is gone."""
    left = {**told, "sources": told.get("sources", {}), "bases": told.get("bases", {})}
    left["sources"] = {name: sha for name, sha in left["sources"].items() if not gone.names_file(name)}
    left["bases"] = {name: facts for name, facts in left["bases"].items() if name != gone.base_name}
    return left


def _manifest(kept: Mapping[str, Any], gone: Gone, concerned: Collection[str]) -> dict[str, Any]:
    identity = _searched(kept.get("identity", {}), gone)
    if "own" in identity:  # what single arms searched
        identity["own"] = {arm: _searched(told, gone) for arm, told in identity["own"].items()}
    return {**kept, "identity": identity, "erased": len(concerned) + kept.get("erased", 0)}


def _results(kept: Mapping[str, Any] | None, documents: Collection[str]) -> dict[str, Any] | None:
    """Results without the strata that are named for a file."""
    if kept is None:
        return None
    strata = {
        name: told
        for name, told in kept.get("strata", {}).items()
        if not (name.startswith("document:") and name.partition(":")[2] in documents)
    }
    return {**kept, "strata": strata}

"""Answers and retrievals read back from the JSON that `assistant.arms.to_json` made of them."""

from collections.abc import Mapping
from typing import Any

from assistant.arms import AdapterCheck, Answer, ArmRecord, Citation, Sampling, Sentence
from knowledge.documents import Notice, Passage, Retrieval, SearchOptions


def answer_from_json(data: Mapping[str, Any]) -> Answer:
    """Return the answer; fields that a later version added keep their defaults."""
    known = _known(Answer, data)
    known["sentences"] = tuple(_sentence(item) for item in data.get("sentences", ()))
    known["citations"] = tuple(_citation(item) for item in data.get("citations", ()))
    record = data.get("record")
    known["record"] = None if record is None else _record(record)
    return Answer(**known)


def retrieval_from_json(data: Mapping[str, Any]) -> Retrieval:
    """Return the retrieval; fields that a later version added keep their defaults."""
    known = _known(Retrieval, data)
    known["passages"] = tuple(_passage(item) for item in data.get("passages", ()))
    known["notices"] = tuple(Notice(**_known(Notice, item)) for item in data.get("notices", ()))
    asked = data.get("asked")
    if asked is not None:
        known["asked"] = SearchOptions(
            **_known(SearchOptions, asked) | {"base_ids": tuple(asked["base_ids"])}
        )
    return Retrieval(**known)


def _known(kind: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of `data` that `kind` has a field for: a newer program's extra ones are passed over."""
    return {name: data[name] for name in kind.__dataclass_fields__ if name in data}


def _spans(pairs: Any) -> tuple[tuple[int, int], ...]:
    return tuple((start, end) for start, end in pairs)


def _passage(data: Mapping[str, Any]) -> Passage:
    known = _known(Passage, data)
    known["heading_path"] = tuple(data.get("heading_path", ()))
    return Passage(**known)


def _citation(data: Mapping[str, Any]) -> Citation:
    known = _known(Citation, data)
    return Citation(**known | {"passage": _passage(data["passage"]), "spans": _spans(data["spans"])})


def _sentence(data: Mapping[str, Any]) -> Sentence:
    known = _known(Sentence, data)
    known["citations"] = tuple(data.get("citations", ()))
    # JSON knows only text as a key.
    known["spans"] = {int(number): _spans(pairs) for number, pairs in data.get("spans", {}).items()}
    return Sentence(**known)


def _record(data: Mapping[str, Any]) -> ArmRecord:
    known = _known(ArmRecord, data)
    if "sampling" in data:
        sampling = _known(Sampling, data["sampling"])
        known["sampling"] = Sampling(**sampling | {"stop": tuple(data["sampling"].get("stop", ()))})
    if known.get("adapter_check") is not None:
        known["adapter_check"] = AdapterCheck(**known["adapter_check"])
    return ArmRecord(**known)

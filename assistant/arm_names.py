"""An arm's name read back: `rag`, `sft:mine`, `rag?top_k=3&mode=dense`, `base?model=qwen3-4b-instruct-2507`."""

from typing import cast, get_args
from urllib.parse import unquote

from assistant.arms import Arm, Lookup, Mode
from assistant.errors import AssistantError

_MOST_PASSAGES = 50


def arm_named(name: str) -> Arm:
    """Return the arm of this name; `Arm.name` of it is the name again, its settings in one fixed order.

    Raises:
        AssistantError: no arm is called so.
    """
    plain, _, told = name.partition("?")
    kind, colon, adapter = plain.partition(":")
    if (
        kind not in ("base", "rag", "sft", "rag+sft")
        or ("sft" in kind) != bool(adapter)
        or (colon and not adapter)
    ):
        raise AssistantError("arm_unknown", name=name)
    retrieval = kind.startswith("rag")
    own = _settings(told, name)
    if not retrieval and own.keys() - {"model"}:
        raise AssistantError("arm_unknown", name=name)
    top_k, mode = own.get("top_k", [None])[-1], own.get("mode", [None])[-1]
    if top_k is not None and not (top_k.isdecimal() and 1 <= int(top_k) <= _MOST_PASSAGES):
        raise AssistantError(
            "arm_setting_wrong", name=name, setting=f"top_k={top_k}", allowed=f"1-{_MOST_PASSAGES}"
        )
    if mode is not None and mode not in get_args(Mode):
        raise AssistantError(
            "arm_setting_wrong", name=name, setting=f"mode={mode}", allowed=", ".join(get_args(Mode))
        )
    lookup = Lookup(
        bases=tuple(own.get("base", ())),
        top_k=None if top_k is None else int(top_k),
        mode=cast("Mode | None", mode),
    )
    return Arm(retrieval, adapter or None, own.get("model", [None])[-1], lookup)


def names_model(name: str) -> bool:
    """Whether the arm of this name says which model it answers with; a name that is none says nothing."""
    try:
        return arm_named(name).model is not None
    except AssistantError:
        return False


def _settings(told: str, name: str) -> dict[str, list[str]]:
    """What stands behind the question mark, by key."""
    own: dict[str, list[str]] = {}
    for part in told.split("&") if told else ():
        key, equals, value = part.partition("=")
        if key not in ("model", "top_k", "mode", "base") or not equals or not value:
            raise AssistantError("arm_unknown", name=name)
        own.setdefault(key, []).append(unquote(value))
    return own

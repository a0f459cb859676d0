"""What an arm is called on the page."""

from assistant.arm_names import arm_named
from assistant.errors import AssistantError
from ui.text import say


def arm_label(name: str) -> str:
    """What the arm of this name is called, as plain text; names of adapters, models and bases are the user's."""
    try:
        arm = arm_named(name)
    except AssistantError:
        return name  # a vote of another version
    kind = "rag" if arm.retrieval else "base"
    if arm.adapter is not None:
        kind = "rag_sft" if arm.retrieval else "sft"
    parts = [say(f"compare.arm_{kind}", adapter=arm.adapter)]
    if arm.model is not None:
        parts.append(arm.model.removeprefix("provider:"))
    parts += arm.lookup.bases
    if arm.lookup.top_k is not None:
        parts.append(say("compare.arm_passages", count=arm.lookup.top_k))
    if arm.lookup.mode is not None:
        parts.append(say(f"mode.{arm.lookup.mode}"))
    return " · ".join(parts)

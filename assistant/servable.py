"""Which adapters can answer here: whole, of weights and not of virtual tokens, and of the very model that answers."""

from typing import TYPE_CHECKING

from assistant.errors import AssistantError
from assistant.settings import Settings

if TYPE_CHECKING:
    from finetune.adapters import AdapterInfo

VIRTUAL_TOKENS = frozenset({"prompt_tuning", "multitask_prompt_tuning", "p_tuning", "prefix_tuning", "cpt"})
"""PEFT's kinds that put tokens before the prompt; rows of one batch could not share it."""


def why_not_served(info: "AdapterInfo", settings: Settings, revision: str | None) -> Exception | None:
    """Return the reason why an adapter cannot answer here, None where it can.

    Args:
        revision: of the chat model; None while it is not on this machine.
    """
    from finetune.errors import AdapterError

    if not info.whole:
        return AdapterError("adapter_damaged", name=info.name, file="adapter_model.safetensors")
    if info.method in VIRTUAL_TOKENS:
        return AssistantError("adapter_kind_not_served", name=info.name, kind=info.method)
    if revision is None or not info.base_revision or info.base_revision == revision:
        return None
    chat = settings.models.chat
    if info.base_model == chat:
        return AssistantError("adapter_of_other_version", name=info.name, base=info.base_model)
    return AssistantError("adapter_of_other_model", name=info.name, base=info.base_model, chat=chat)

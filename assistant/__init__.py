"""Puts knowledge and models together: settings, chain, citations, conversations, commands.

For your own LangChain code: `EngineChatModel` is a chat model, `build_chain` the retrieval chain, `cite`
finds the sources of any answer, `FineTuner` trains. `App` is all of Tandem over one data folder.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.arms import BASE, RAG, Arm, Sampling
    from assistant.chain import build_chain
    from assistant.chat_model import EngineChatModel
    from assistant.citations import cite
    from assistant.engine import Engine
    from assistant.settings import Settings, load_settings
    from assistant.training.fine_tuner import FineTuner

__all__ = [
    "BASE",
    "RAG",
    "App",
    "Arm",
    "Engine",
    "EngineChatModel",
    "FineTuner",
    "Sampling",
    "Settings",
    "build_chain",
    "cite",
    "load_settings",
]

_HOMES = {
    "App": "assistant.app",
    "Arm": "assistant.arms",
    "BASE": "assistant.arms",
    "Engine": "assistant.engine",
    "EngineChatModel": "assistant.chat_model",
    "FineTuner": "assistant.training.fine_tuner",
    "RAG": "assistant.arms",
    "Sampling": "assistant.arms",
    "Settings": "assistant.settings",
    "build_chain": "assistant.chain",
    "cite": "assistant.citations",
    "load_settings": "assistant.settings",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, so that importing the package costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)

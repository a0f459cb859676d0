"""Short names of arms, for charts and tables."""

from assistant.compare.cells import adapter_of, cell_of, settings_of
from ui.text import say

COLORS = ("#5b6775", "#0f8a7e", "#c77d0a", "#7a4fbf", "#b8405e", "#2f6fb5", "#7b8f2a", "#8c5a3c")
"""Told apart also by those who see red and green alike; the first four are the 2 x 2 in its order."""


def arm_short(name: str) -> str:
    """What an arm, or a group of several adapters, is called where there is little room; adapters are named by the user."""
    kind, own = cell_of(name).replace("+", "_"), settings_of(name)
    if kind.endswith("sft") and not adapter_of(name):
        return say(f"experiment.group_{kind}")
    short = say(f"experiment.arm_{kind}", adapter=adapter_of(name))
    return f"{short} ({own})" if own else short

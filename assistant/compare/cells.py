"""The four cells of the 2 x 2, by the names of arms."""

from collections.abc import Sequence
from urllib.parse import unquote

CELLS = ("base", "rag", "sft", "rag+sft")


def cell_of(arm: str) -> str:
    """Which cell an arm belongs to; several adapters share one."""
    return arm.partition("?")[0].partition(":")[0]


def adapter_of(arm: str) -> str:
    """The adapter's name; "" where the arm has none."""
    return arm.partition("?")[0].partition(":")[2]


def groups_of(arms: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Cells that several adapters share, by the cell's name, such as "rag+sft"; arms with settings of their own stand alone."""
    of_cell = {
        cell: tuple(arm for arm in arms if cell_of(arm) == cell and not settings_of(arm))
        for cell in CELLS[2:]
    }
    return {cell: members for cell, members in of_cell.items() if len(members) > 1}


def arms_of_cell(cell: str, arms: Sequence[str]) -> list[str]:
    """The arms that make up a cell: all adapters, but of arms with settings of their own only where no other is."""
    own = [arm for arm in arms if cell_of(arm) == cell]
    return [arm for arm in own if not settings_of(arm)] or own[:1]


def settings_of(arm: str) -> str:
    """What the arm sets for itself, such as "top_k=3"; "" where nothing."""
    return unquote(arm.partition("?")[2])


def looks_up_itself(arm: str) -> bool:
    """Whether the arm finds its own passages instead of reading those that the arms share."""
    return cell_of(arm).startswith("rag") and any(
        part.partition("=")[0] != "model" for part in arm.partition("?")[2].split("&") if part
    )


def given_passages(arm: str) -> str:
    """The same arm, reading what it is handed: its name without a look-up of its own."""
    kind, _, told = arm.partition("?")
    kept = [part for part in told.split("&") if part.startswith("model=")]
    return f"{kind}?{'&'.join(kept)}" if kept else kind

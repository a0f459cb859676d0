"""What a verdict says of its price: what would turn it round, whether it is about one training run, what training took."""

import math
from collections.abc import Mapping
from typing import Any

from assistant.compare.cells import adapter_of, cell_of
from assistant.compare.sentences import Sentence, arm_label, points
from assistant.messages import Language

_SEEDS = 5
"""With fewer training runs, how much they differ is itself poorly known."""


def flip_speed(results: Mapping[str, Any]) -> list[Sentence]:
    """How much a second would have to be worth to turn the verdict round."""
    contrast = results["contrast"]
    gain = contrast["difference"]
    waits = next((pair for pair in results["others"] if pair["metric"] == "total_s"), None)
    if waits is None:
        return []
    seconds, sure = waits["difference"], waits["interval"]["low"] > 0 or waits["interval"]["high"] < 0
    better, other = (
        (contrast["second"], contrast["first"]) if gain > 0 else (contrast["first"], contrast["second"])
    )
    slower = seconds if gain > 0 else -seconds
    params = {"better": arm_label(better), "other": arm_label(other), "seconds": f"{abs(slower):.1f}"}
    if slower < 0.05 or not sure:
        return [Sentence("flip_none", params)]
    price = abs(gain) / slower
    if price > 1:  # no more than all 100 points can be given for a second
        most = {"level": points(abs(gain), 0)}
        return [Sentence("flip_speed_never", params | most)]
    return [Sentence("flip_speed", params | {"points": points(price, 1)})]


def flip_accuracy(contrast: Mapping[str, Any], word: str) -> Sentence:
    """Which score of the arm that is behind would turn the verdict round, by the interval as wide as it is."""
    low, high = contrast["interval"]["low"], contrast["interval"]["high"]
    names, means = ("first", "second"), (contrast["mean_first"], contrast["mean_second"])
    place = 1 if contrast["difference"] <= 0 else 0
    more = math.ceil(100 * (-low if place else high) - 1e-9)  # moves the interval to the other side of 0
    turned = 100 * means[place] + more
    params = {
        "behind": arm_label(contrast[names[place]]),
        "ahead": arm_label(contrast[names[1 - place]]),
        "mean": points(means[place], 0),
        "level": points(abs(contrast["difference"]), 1),
        "points": more,
        "turned": f"{turned:.0f}",
        "n": contrast["n"],
    }
    if word.startswith(("better", "worse")):
        return Sentence("flip_accuracy" if turned <= 100 else "flip_accuracy_level", params)
    return Sentence("flip_accuracy_open" if turned <= 100 else "flip_accuracy_out", params)


def about_adapters(results: Mapping[str, Any]) -> list[Sentence]:
    """Whether what is said is about one adapter or about fine-tuning."""
    groups = {name: results["groups"].get(results["contrast"][name]) for name in ("first", "second")}
    if told := [_seeds(results["contrast"][name], group) for name, group in groups.items() if group]:
        return told
    arms = [arm for arm in results["arms"] if adapter_of(arm)]
    names = sorted({adapter_of(arm) for arm in arms})
    if not names:
        return []
    board = results["factorial"]
    if len(names) == 1 or board is None or not board.get("over_adapters"):
        return [Sentence("verdict_one_adapter", {"name": names[0]})] if len(names) == 1 else []
    effect = board["sft_on_rag"]
    ends = {"low": effect["interval"]["low"], "high": effect["interval"]["high"]}
    means = [mean for arm, mean in board["adapters"].items() if cell_of(arm) == "rag+sft"]
    params = {name: points(value, 1) for name, value in ends.items()} | {"points": points(effect["value"], 1)}
    params |= {"lowest": points(min(means), 1), "highest": points(max(means), 1)}
    return [Sentence("verdict_adapters", params | {"count": len(names)})]


def _seeds(name: str, group: Mapping[str, Any]) -> Sentence:
    """How many training runs an arm stands for, and how much they differ."""
    means = [mean for mean in group["members"].values() if mean is not None]
    params = {"arm": arm_label(name), "count": len(group["members"])}
    params |= {"lowest": points(min(means), 1), "highest": points(max(means), 1)}
    params["spread"] = points(group["spread"] or 0.0, 1)
    return Sentence("verdict_seeds" if len(group["members"]) >= _SEEDS else "verdict_few_seeds", params)


def _minutes(seconds: float) -> str:
    """Whole minutes, tenths of the first one."""
    return f"{seconds / 60:.0f}" if seconds >= 60 else f"{max(seconds, 6) / 60:.1f}"


def made_in(cost: Mapping[str, float | None]) -> dict[Language, str]:
    """Time and memory of training, and the time of its data where it is known."""
    minutes, data, memory = _minutes(cost["seconds"] or 0.0), cost["data_seconds"], cost["memory_bytes"]
    en, zh = f"{minutes} minutes of training", f" {minutes} 分钟训练"
    notes: list[dict[Language, str]] = []
    if data:
        en, zh = f"{en} and {_minutes(data)} for its data", f"{zh}和 {_minutes(data)} 分钟数据准备"
    else:
        notes.append({"en": "the time for its data is not known", "zh": "数据准备的用时未知"})
    if memory:
        gigabytes = f"{memory / 1e9:.1f} GB"
        notes.append({"en": f"{gigabytes} of memory at most", "zh": f"内存峰值 {gigabytes}"})
    if notes:
        en += f" ({'; '.join(note['en'] for note in notes)})"
        zh += f"（{'；'.join(note['zh'] for note in notes)}）"
    return {"en": en, "zh": zh}

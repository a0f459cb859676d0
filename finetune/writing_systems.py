"""Which writing a text is in: what a tokenizer or a base model may be bad at shows here first."""

import re

SCRIPTS = (
    ("zh", re.compile(r"[\u3400-\u9fff\uf900-\ufaff]"), 1.0),
    (
        "ja",
        re.compile(r"[\u3040-\u30ff]"),
        3.0,
    ),  # Japanese is mostly Chinese characters, yet never without these
    ("ko", re.compile(r"[\uac00-\ud7af]"), 1.0),
    ("latin", re.compile(r"[A-Za-z\u00c0-\u024f]"), 0.25),  # a word of four letters weighs one character
    ("cyrillic", re.compile(r"[\u0400-\u04ff]"), 0.25),
    ("arabic", re.compile(r"[\u0600-\u06ff]"), 0.25),
)


def script(text: str) -> str:
    """Return the writing that most of `text` is in, or "mixed", or "other" where there are no letters."""
    weights = {name: weight * len(pattern.findall(text)) for name, pattern, weight in SCRIPTS}
    total = sum(weights.values())
    if not total:
        return "other"
    if weights["ja"] > 0.1 * total:
        weights["ja"] += weights["zh"]
        weights["zh"] = 0
    ranked = sorted(weights.items(), key=lambda item: -item[1])
    return "mixed" if ranked[1][1] > 0.35 * total else ranked[0][0]

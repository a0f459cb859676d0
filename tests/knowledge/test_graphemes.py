"""Cuts never fall inside what a reader sees as one character."""

import pytest

from knowledge.graphemes import boundary_at_or_before, is_boundary

regex = pytest.importorskip("regex", reason="the reference for grapheme clusters is not installed")

TEXTS = (
    "plain",
    "e\u0301a\u0308\u0323o",
    "家👨\u200d👩\u200d👧\u200d👦庭",
    "🇨🇳🇩🇪🇫🇷x",
    "👍🏽✌️☝🏿",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f!",
    "각ᄀ",
    "नमस्ते क्षि",
    "a\r\nb",
    "ก็ได้",
)


@pytest.mark.parametrize("text", TEXTS)
def test_boundaries_never_split_a_cluster(text: str) -> None:
    allowed = {match.start() for match in regex.finditer(r"\X", text)} | {len(text)}
    ours = {position for position in range(len(text) + 1) if is_boundary(text, position)}
    assert ours <= allowed


def test_a_cluster_longer_than_the_room_is_kept_whole() -> None:
    family = "👨\u200d👩\u200d👧"
    assert boundary_at_or_before("ab" + family, 4, above=0) == 2
    assert boundary_at_or_before(family + "ab", 2, above=0) == len(family)

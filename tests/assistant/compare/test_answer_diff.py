"""Words in and words out: whole words, single Chinese characters, and nothing lost."""

import random

from assistant.compare.answer_diff import Stretch, alike, differences


def told(first: str, second: str) -> str:
    marks = {"same": "{}", "out": "[-{}]", "in": "[+{}]"}
    return "".join(marks[stretch.change].format(stretch.text) for stretch in differences(first, second))


def test_words_and_numbers_are_whole() -> None:
    assert told("It keeps 64 batches.", "It keeps 1,024 batches.") == "It keeps [-64][+1,024] batches."
    assert told("It doesn't stop", "It does stop") == "It [-doesn't][+does] stop"
    assert told("the same", "the same") == "the same"
    assert told("", "new") == "[+new]"


def test_neighbouring_words_change_together() -> None:
    assert told("the red pump", "the big blue pump").startswith("the ")
    assert told("a b c d", "a x y d") == "a [-b c][+x y] d"


def test_chinese_changes_by_the_character() -> None:
    assert told("最多保存64批记录。", "最多保存128批记录。") == "最多保存[-64][+128]批记录。"
    assert told("水箱容量为一升", "水箱的容量为二升") == "水箱[+的]容量为[-一][+二]升"


def test_both_answers_can_be_read_from_it() -> None:
    draw = random.Random(5)
    for _ in range(300):
        first, second = ("".join(draw.choices("ab 水12.\n-", k=draw.randrange(30))) for _ in range(2))
        stretches = differences(first, second)
        assert "".join(s.text for s in stretches if s.change != "in") == first
        assert "".join(s.text for s in stretches if s.change != "out") == second


def test_alike_is_the_share_in_common() -> None:
    assert alike(differences("abc", "abc")) == 1
    assert alike(differences("abc", "xyz")) == 0
    assert alike([]) == 1
    assert alike([Stretch("same", "ab"), Stretch("out", "c"), Stretch("in", "d")]) == 4 / 6

"""Names of arms: what is written is read back, and what means nothing is refused."""

import pytest

from assistant.arm_names import arm_named
from assistant.arms import BASE, RAG, Arm, Lookup
from assistant.errors import AssistantError

ARMS = {
    "base": BASE,
    "rag": RAG,
    "sft:我的 v1.2": Arm(False, "我的 v1.2"),
    "rag+sft:mine": Arm(True, "mine"),
    "base?model=qwen3-4b-instruct-2507": Arm(False, None, "qwen3-4b-instruct-2507"),
    "sft:a?model=provider:lm/org/model:4b": Arm(False, "a", "provider:lm/org/model:4b"),
    "rag?top_k=3&mode=dense": Arm(True, lookup=Lookup(top_k=3, mode="dense")),
    "rag?base=示例手册（中文）&base=R%26D%2C 50%25": Arm(
        True, lookup=Lookup(("示例手册（中文）", "R&D, 50%"))
    ),
}


@pytest.mark.parametrize("name", ARMS)
def test_a_name_is_read_back_as_it_is_written(name: str) -> None:
    assert arm_named(name) == ARMS[name]
    assert ARMS[name].name == name


def test_settings_that_say_nothing_are_not_in_the_name() -> None:
    assert Arm(False, lookup=Lookup(top_k=3)).name == "base"


@pytest.mark.parametrize(
    "name", ["", "sft", "sft:", "base:x", "rags", "base?top_k=3", "rag?top_k", "rag?colour=red", "rag?model="]
)
def test_what_no_arm_is_called_is_refused(name: str) -> None:
    with pytest.raises(AssistantError) as told:
        arm_named(name)
    assert told.value.code == "arm_unknown"


@pytest.mark.parametrize("name", ["rag?top_k=0", "rag?top_k=51", "rag?top_k=two", "rag?mode=magic"])
def test_a_setting_out_of_range_is_told_with_what_is_allowed(name: str) -> None:
    with pytest.raises(AssistantError) as told:
        arm_named(name)
    assert told.value.code == "arm_setting_wrong"
    assert name.partition("?")[2] in told.value.text("zh")

"""Which language a question is in."""

import pytest

from assistant.language import detect_language


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("How heavy is the pump?", "en"),
        ("水泵有多重？", "zh"),
        ("X200 的重量是多少？", "zh"),
        ("如何在 Kubernetes 集群中配置 DolphinScheduler 的 worker group？", "zh"),
        ("请运行 `docker compose up -d --build` 并打开 http://localhost:8501/page", "zh"),
        ("What does 水泵 mean in the manual?", "en"),
        ("这个怎么用 API key?", "zh"),
        ("重さはどれくらいですか", "en"),
        ("Où est la pompe ?", "en"),
        ("12 + 30", "en"),
        ("", "en"),
    ],
)
def test_script_decides(text: str, expected: str) -> None:
    assert detect_language(text) == expected


def test_a_text_without_letters_takes_the_default() -> None:
    assert detect_language("42?", default="zh") == "zh"

"""Which language a question is in."""

from pathlib import Path

import pytest

from assistant.language import detect_language, shell_language


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


def test_the_settings_file_chooses_the_shells_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TANDEM_LANGUAGE", "TANDEM_CONFIG", "TANDEM_DATA_DIR", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    monkeypatch.chdir(tmp_path)
    assert shell_language() == "en"
    (tmp_path / "tandem.toml").write_text('language = "zh"\n', encoding="utf-8")
    assert shell_language() == "zh"
    monkeypatch.setenv("TANDEM_LANGUAGE", "en")
    assert shell_language() == "en"

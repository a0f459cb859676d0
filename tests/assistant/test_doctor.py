"""Doctor: every finding in both languages, trouble recognised."""

from pathlib import Path

import pytest

from assistant.doctor import examine
from assistant.locking import DataFolderLock
from assistant.settings import load_settings


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TANDEM_DATA_DIR", str(tmp_path / "data"))


def test_findings_are_whole_in_both_languages() -> None:
    checks = list(examine(load_settings(), network=False))
    codes = [check.code for check in checks]
    assert {"python", "packages", "data_dir", "memory", "device", "suggestion"} <= set(codes)
    assert "hub" not in codes
    for check in checks:
        assert check.text("en")
        assert check.text("zh")
        assert "\n" not in check.text("en") + check.text("zh")
        assert check.verdict in ("ok", "warn", "bad")


def test_missing_models_name_the_command_that_fetches_them() -> None:
    checks = {check.code: check for check in examine(load_settings(), network=False)}
    model = checks["model:smollm2-135m-reader"]
    assert model.verdict == "warn"
    assert "tandem models get smollm2-135m-reader" in model.text("zh")


def test_a_held_folder_is_said(tmp_path: Path) -> None:
    lock = DataFolderLock(tmp_path / "data", purpose="the page")
    try:
        found = {check.code: check for check in examine(load_settings(), network=False)}
        assert "the page" in found["lock"].text("en")
        own = {check.code for check in examine(load_settings(), holds_lock=True, network=False)}
        assert "lock" not in own
    finally:
        lock.release()


def test_a_hub_that_does_not_answer_is_a_warning_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    checks = {check.code: check for check in examine(load_settings())}
    assert checks["hub"].verdict == "warn"
    assert "HF_ENDPOINT" in checks["hub"].text("en")
    offline = load_settings(models={"offline": True})
    assert next(c for c in examine(offline) if c.code == "hub").verdict == "ok"

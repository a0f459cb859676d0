"""Settings: order of sources, misspelt keys, clear errors in both languages."""

from pathlib import Path

import pytest

from assistant.errors import SettingsError
from assistant.settings import config_file, flat_settings, load_settings


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TANDEM_CONFIG", raising=False)
    monkeypatch.setenv("TANDEM_DATA_DIR", str(tmp_path / "data"))


def test_argument_beats_environment_beats_file_beats_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tandem.toml").write_text(
        "[retrieval]\ntop_k = 3\nscore_threshold = 0.5\n[models]\nchat = 'from-file'\n", encoding="utf-8"
    )
    monkeypatch.setenv("TANDEM_RETRIEVAL__TOP_K", "9")
    settings = load_settings(language="zh")
    assert settings.retrieval.top_k == 9
    assert settings.retrieval.score_threshold == 0.5
    assert settings.models.chat == "from-file"
    assert settings.language == "zh"
    assert settings.generation.temperature == 0


def test_data_dir_moves_everything(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.data_dir == tmp_path / "data"
    assert settings.database.parent == settings.models_dir.parent == tmp_path / "data"


def test_file_in_the_data_folder_is_found(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "tandem.toml").write_text("[retrieval]\ntop_k = 7\n", encoding="utf-8")
    assert config_file() == tmp_path / "data" / "tandem.toml"
    assert load_settings().retrieval.top_k == 7


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[retrievl]\ntop_k = 3\n", "retrievl"),
        ("[retrieval]\ntopk = 3\n", "retrieval.topk"),
        ("[retrieval]\ntop_k = 99\n", "retrieval.top_k"),
        ("[retrieval\n", "tandem.toml"),
    ],
)
def test_a_mistake_in_the_file_names_itself(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "tandem.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert named in caught.value.text("en")
    assert named in caught.value.text("zh")
    assert "\n" not in caught.value.text("en")


@pytest.mark.parametrize("variable", ["TANDEM_RETREIVAL__TOP_K", "TANDEM_RETRIEVAL_TOP_K", "TANDEM_DATADIR"])
def test_a_misspelt_variable_names_itself(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "3")
    with pytest.raises(SettingsError, match=variable):
        load_settings()


def test_a_named_file_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TANDEM_CONFIG", str(tmp_path / "mine.toml"))
    with pytest.raises(SettingsError, match=r"mine\.toml"):
        load_settings()


def test_other_variables_with_our_prefix_are_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("TANDEM_LOG", "TANDEM_SCREENSHOTS", "TANDEM_TEST_MODELS", "TANDEMONIUM__X"):
        monkeypatch.setenv(variable, "x")
    assert load_settings().retrieval.top_k == 5


def test_another_programs_env_file_is_no_error(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=x\nTANDEM_RETRIEVAL__TOP_K=4\n", encoding="utf-8")
    assert load_settings().retrieval.top_k == 4


def test_token_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TANDEM_SERVER__TOKEN", "canary-7f3a")
    settings = load_settings()
    shown = "\n".join(f"{key}{value}" for key, value, _ in flat_settings(settings))
    assert "canary" not in shown
    assert "canary" not in repr(settings)


def test_every_setting_is_listed_with_its_variable() -> None:
    rows = {key: variable for key, _, variable in flat_settings(load_settings())}
    assert rows["retrieval.top_k"] == "TANDEM_RETRIEVAL__TOP_K"
    assert rows["data_dir"] == "TANDEM_DATA_DIR"

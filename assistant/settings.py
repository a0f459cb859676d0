"""One frozen, typed `Settings`, read at the entry points and handed down.

First wins: explicit arguments, `TANDEM_…` environment variables (`TANDEM_RETRIEVAL__TOP_K=8`), `.env`,
`tandem.toml`, what the page Models has chosen, defaults. The file is looked for in `TANDEM_CONFIG`, then the
working folder, then the data folder. This is the only module that reads settings files or the environment.
"""

import difflib
import json
import os
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from assistant.arms import Sampling
from assistant.errors import SettingsError
from assistant.misuse import rule_zh
from assistant.providers.config import ProviderSettings, hub_address, is_provider_name
from assistant.providers.stored import CHOICES, Choice, read_stored

FILE_NAME = "tandem.toml"


def default_data_dir() -> Path:
    """Where documents, index, models and adapters live unless told otherwise.

    A checkout keeps them in `data/` beside the code, so that deleting the folder leaves nothing behind;
    an installed package uses the user's data folder.
    """
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / "samples").is_dir():
        return checkout / "data"
    if os.name == "nt":
        root = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    else:
        root = Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local" / "share"))
    return root / "tandem"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSettings(_Section):
    """Which models answer, embed and rerank."""

    chat: str = Field("smollm2-135m-reader", description="chat model: catalogue name, folder, or hub id")
    embedding: str = Field("all-minilm-l6-v2", description="embedder of new knowledge bases")
    reranker: str | None = Field(None, description="cross-encoder that re-orders passages; none by default")
    device: str | None = Field(None, description='"cuda", "cpu", …; by default what is there')
    dtype: str | None = Field(None, description='"bfloat16", "float32"; by default what the device does best')
    offline: bool = Field(False, description="never ask a hub; only what is on disk")
    hub: str | None = Field(
        None, description="address of a mirror of the Hugging Face hub; by default HF_ENDPOINT, or the hub"
    )
    reader_profile: Literal["auto", "small", "full"] = Field(
        "auto", description="how passages are put to the model: best sentences only, or whole; by model size"
    )

    @field_validator("hub")
    @classmethod
    def _whole_hub(cls, hub: str | None) -> str | None:
        return hub_address(hub) if hub else None


class RetrievalSettings(_Section):
    """How passages are found."""

    top_k: int = Field(5, ge=1, le=50, description="passages put to the model")
    mode: Literal["hybrid", "dense", "lexical"] = Field("hybrid", description="which legs search")
    score_threshold: float = Field(
        0.15, ge=0, le=1, description="0..1; below it a passage counts as not relevant and is not used"
    )


class SplitterSettings(_Section):
    """How new knowledge bases cut documents; None takes the splitter's default for the embedder."""

    chunk_size: int | None = Field(None, ge=32, le=8192, description="tokens of the embedder")
    chunk_overlap: int | None = Field(None, ge=0, le=1024, description="tokens of the embedder")


class GenerationSettings(_Section):
    """Defaults for sampling; the page and requests may override each."""

    temperature: float = Field(0.0, ge=0, le=2, description="0 is greedy")
    top_p: float = Field(1.0, gt=0, le=1)
    top_k: int = Field(0, ge=0)
    max_new_tokens: int = Field(256, ge=1, le=8192, description="tokens")
    seed: int | None = 0
    thinking: bool | None = None

    def sampling(self) -> Sampling:
        """As the engine wants it."""
        return Sampling(**self.model_dump())


class ParsingSettings(_Section):
    """Limits for one file while it is parsed in a child process."""

    timeout_s: float = Field(60.0, gt=0, description="seconds")
    memory_mb: int = Field(1024, ge=256, description="MiB")
    max_file_mb: int = Field(512, ge=1, description="MiB; larger files are refused")


class ServerSettings(_Section):
    """Where the page listens. Anything but loopback needs a token."""

    host: str = "127.0.0.1"
    port: int = Field(8501, ge=1, le=65535)
    token: SecretStr | None = Field(None, description="from the environment or .env only")
    hosts: tuple[str, ...] = Field((), description="further names under which clients may address the API")
    running: int = Field(16, ge=1, le=1024, description="API requests answered at once")
    waiting: int = Field(256, ge=0, description="API requests that may wait; one more gets 429")
    max_body_kb: int = Field(4096, ge=1, description="KiB; longer API requests are refused")
    max_tokens: int = Field(
        262_144,
        ge=64,
        description="tokens that one API request may ask for, max_tokens x n x prompts; more gets 400. Within "
        "it, an answer longer than the model's context ends there",
    )


class Settings(BaseSettings):
    """Everything that can be set, with its default."""

    model_config = SettingsConfigDict(
        env_prefix="TANDEM_",
        env_nested_delimiter="__",
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",  # a .env file may hold other programs' keys; the TOML file is checked below
        frozen=True,
    )

    data_dir: Path = Field(default_factory=default_data_dir, description="everything Tandem keeps")
    language: Literal["auto", "en", "zh"] = Field("auto", description="of page and messages")
    models: ModelSettings = ModelSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    splitter: SplitterSettings = SplitterSettings()
    generation: GenerationSettings = GenerationSettings()
    parsing: ParsingSettings = ParsingSettings()
    server: ServerSettings = ServerSettings()
    providers: dict[str, ProviderSettings] = Field({}, description="servers that have models, by name")

    @field_validator("providers")
    @classmethod
    def _proper_names(cls, providers: dict[str, ProviderSettings]) -> dict[str, ProviderSettings]:
        for name in providers:
            if not is_provider_name(name):
                raise ValueError(f"a provider cannot be called {name!r}")
        return providers

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the TOML file between the environment and the defaults."""
        path = config_file()
        toml = (TomlConfigSettingsSource(settings_cls, toml_file=path),) if path else ()
        return (init_settings, env_settings, dotenv_settings, *toml)

    @property
    def database(self) -> Path:
        """The one SQLite file: knowledge, conversations, jobs."""
        return self.data_dir / "tandem.db"

    @property
    def models_dir(self) -> Path:
        """Models that were fetched or imported."""
        return self.data_dir / "models"

    @property
    def adapters_dir(self) -> Path:
        """Adapters that passed their checks."""
        return self.data_dir / "adapters"

    @property
    def uploads_dir(self) -> Path:
        """Files on their way in; emptied after indexing."""
        return self.data_dir / "uploads"


def config_file() -> Path | None:
    """The settings file in force, or None."""
    named = os.environ.get("TANDEM_CONFIG")
    places = [Path(named)] if named else [Path(FILE_NAME)]
    data_dir = os.environ.get("TANDEM_DATA_DIR")
    if not named:
        places.append((Path(data_dir) if data_dir else default_data_dir()) / FILE_NAME)
    return next((place for place in places if place.is_file()), None)


def load_settings(**overrides: Any) -> Settings:
    """Read the settings; `overrides` win over every other place.

    Raises:
        SettingsError: a value is out of range, a section or variable has a name that does not exist, or the
            file is not valid TOML or, being named, not there. The message names the key, the rule and where it was set.
    """
    path = config_file()
    named = os.environ.get("TANDEM_CONFIG")
    if named and path is None:
        raise SettingsError("settings_file_missing", file=named)
    try:
        _refuse_unknown_sections(path)
        _refuse_misspelt_variables()
        return with_choice(Settings(**overrides))
    except ValidationError as err:
        first = err.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise SettingsError("setting_unknown", key=key, file=path or FILE_NAME) from err
        # A provider's whole section may be what is wrong, and hold a key.
        shown = "…" if key.startswith("providers") else first.get("input")
        raise SettingsError(
            "setting_wrong",
            key=key,
            value=shown,
            rule=first["msg"].removeprefix("Value error, ").rstrip("."),
            rule_zh=rule_zh(first["type"], first.get("ctx") or {}),
            file=path or FILE_NAME,
        ) from None
    except ValueError as err:  # tomllib's decode error and unreadable encodings
        raise SettingsError("settings_file_wrong", file=path or FILE_NAME, reason=err) from err


def with_choice(settings: Settings) -> Settings:
    """Return the settings with the models and the hub that the page has chosen, where they name none themselves.

    Raises:
        ProviderError: the file that keeps the choices is damaged.
    """
    open_choices = [what for what in CHOICES if not is_set(settings, what)]
    if not open_choices:
        return settings
    kept, usual = read_stored(settings.data_dir), ModelSettings()
    chosen: dict[str, Any] = {what: getattr(kept, what) or getattr(usual, what) for what in open_choices}
    # A choice does not count as set, so that it can be changed again.
    named = settings.models.model_fields_set
    models = ModelSettings.model_construct(named, **{**dict(settings.models), **chosen})
    return settings.model_copy(update={"models": models})


def is_set(settings: Settings, what: Choice) -> bool:
    """Whether the file, the environment or an argument says which model does this; the page cannot change it then."""
    return what in settings.models.model_fields_set


def _refuse_unknown_sections(path: Path | None) -> None:
    if path is None:
        return
    for key in tomllib.loads(path.read_text(encoding="utf-8-sig")):
        if key not in Settings.model_fields:
            raise SettingsError("setting_unknown", key=key, file=path)


def _refuse_misspelt_variables() -> None:
    """Refuse variables that are meant for us but name nothing; pydantic passes over them in silence.

    Others may begin with our prefix too, so only what looks like a setting counts.
    """
    sections = [name for name, field in Settings.model_fields.items() if isinstance(field.default, _Section)]
    sections.append("providers")
    alone = [name for name in Settings.model_fields if name not in sections] + ["config", "log"]
    for variable in os.environ:
        if not variable.upper().startswith("TANDEM_"):
            continue
        name = variable[len("TANDEM_") :].lower()
        section, nested, _ = name.partition("__")
        if nested:
            wrong = section not in sections  # its keys are checked with their values
        else:
            one_underscore = any(name.startswith(f"{known}_") for known in sections)
            wrong = name not in alone and (
                one_underscore or bool(difflib.get_close_matches(name, alone, cutoff=0.8))
            )
        if wrong:
            raise SettingsError("setting_unknown", key=variable, file=FILE_NAME)


def flat_settings(settings: Settings) -> list[tuple[str, str, str]]:
    """Every setting as (dotted key, value as JSON, environment variable), secrets hidden."""
    rows: list[tuple[str, str, str]] = []
    for key, value in settings.model_dump(mode="json").items():
        leaves = value.items() if isinstance(value, dict) else [("", value)]
        for leaf, inner in leaves:
            dotted = f"{key}.{leaf}" if leaf else key
            variable = "TANDEM_" + dotted.replace(".", "__").upper()
            rows.append((dotted, json.dumps(inner, ensure_ascii=False), variable))
    return rows

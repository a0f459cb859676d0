"""What a provider is: the section `[providers.NAME]` of the settings, and the names of models on it."""

import re
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

Kind = Literal["openai", "ollama", "yuan2"]

PREFIX = "provider:"
DEFAULT_URLS: dict[str, str] = {
    "ollama": "http://127.0.0.1:11434",
    "yuan2": "http://127.0.0.1:8000/v1",
}
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_NAME = re.compile(r"\w[\w.-]{0,63}")


class ProviderSettings(BaseModel):
    """A server that has models.

    Args:
        kind: "openai" for anything that speaks OpenAI's API (vLLM, LLaMA-Factory, FastChat, LM Studio, llama.cpp,
            another Tandem), "ollama", or "yuan2" for a Yuan2 server, asked through LangChain's `ChatYuan2`.
        base_url: where it listens; for OpenAI's API with its `/v1`, which is added where the address has no path.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind = "openai"
    base_url: str = Field("", description="address; Ollama and Yuan2 have a usual one")
    api_key: SecretStr | None = Field(None, description="sent as Authorization: Bearer")
    models: tuple[str, ...] = Field((), description="models to offer beside those that the server lists")
    adapters: tuple[str, ...] = Field(
        (), description="models that are the chat model with an adapter, where the server does not say so"
    )
    timeout_s: float = Field(120.0, gt=0, le=3600, description="seconds that the server may be silent")
    parallel: int = Field(
        16, ge=1, le=256, description="requests at once; 1 for llama-cpp-python, which drops one for the next"
    )
    context_tokens: int = Field(8192, ge=256, description="tokens of prompt and answer together")
    embedding_tokens: int = Field(512, ge=32, description="tokens that its embedding models read of a text")
    embedding_dimensions: int | None = Field(None, ge=1, description="asked of models that can be shortened")

    @model_validator(mode="before")
    @classmethod
    def _whole_address(cls, values: Any) -> Any:
        if isinstance(values, dict):
            kind = values.get("kind", "openai")
            url = str(values.get("base_url") or DEFAULT_URLS.get(kind, ""))
            return {**values, "base_url": whole_address(url, kind) if url.strip() else ""}
        return values

    @model_validator(mode="after")
    def _has_address(self) -> "ProviderSettings":
        if not self.base_url:
            raise ValueError("base_url is missing, an address such as http://127.0.0.1:8000/v1")
        return self

    @property
    def is_here(self) -> bool:
        """Whether the address is this machine's own, so that nothing leaves it."""
        return (urlsplit(self.base_url).hostname or "") in LOOPBACK


@dataclass(frozen=True, slots=True)
class ProviderModel:
    """A model on a provider."""

    provider: str
    model: str

    @property
    def name(self) -> str:
        """What settings call it."""
        return f"{PREFIX}{self.provider}/{self.model}"


def parse_provider_model(name: str) -> ProviderModel | None:
    """Return what `provider:NAME/MODEL` names; None for a name of any other form."""
    provider, slash, model = name.removeprefix(PREFIX).partition("/")
    if not name.startswith(PREFIX) or not slash or not provider or not model:
        return None
    return ProviderModel(provider, model)


def is_provider_name(name: str) -> bool:
    """Whether a provider may be called so: letters of any script, digits, and . _ - inside."""
    return _NAME.fullmatch(name) is not None


def whole_address(url: str, kind: str) -> str:
    """Return an address as requests are made from it.

    Raises:
        ValueError: it is not an http address, or carries a password.
    """
    parts = _split(url, "http", "http://127.0.0.1:8000/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("an address has no user, password, ? or #; a key belongs into api_key")
    path = parts.path.rstrip("/")
    if kind == "ollama":
        path = path.removesuffix("/v1").removesuffix("/api")
    elif not path:
        path = "/v1"
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def hub_address(url: str) -> str:
    """Return the address of a hub's mirror as its client wants it: with a scheme, without a slash at the end.

    Raises:
        ValueError: it is not an http address, or carries a password.
    """
    parts = _split(url, "https", "https://hf-mirror.com")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("an address has no user, password, ? or #")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def _split(url: str, scheme: str, example: str) -> SplitResult:
    url = url.strip()
    if "://" not in url:
        url = f"{scheme}://{url}"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or any(c.isspace() for c in url):
        raise ValueError(f"{url!r} is not an http address such as {example}")
    return parts

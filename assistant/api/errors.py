"""What goes wrong over HTTP, in OpenAI's shape: {"error": {"message", "type", "param", "code"}}."""

from typing import Any

from assistant.errors import AssistantError, EngineError, ProviderError
from assistant.messages import Language
from knowledge.errors import NotFoundError

_BUSY_S = 5
"""Seconds after which to ask again, where another server is busy and does not say for how long."""

_LONGEST_WAIT_S = 3600

_CLIENTS_FAULTS = (400, 413, 422)
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class ApiError(AssistantError):
    """A request that is refused.

    Args:
        code: a key of `assistant.messages.MESSAGES`.
        status: the HTTP status.
        field: the request's field that is at fault; OpenAI's `param`.
        name: OpenAI's `code`, by which clients tell errors apart.
        headers: sent along.
        params: fill the message's fields.
    """

    def __init__(
        self,
        code: str,
        *,
        status: int = 400,
        field: str | None = None,
        name: str | None = None,
        headers: dict[str, str] | None = None,
        **params: Any,
    ) -> None:
        super().__init__(code, **params)
        self.status = status
        self.field = field
        self.name = name
        self.headers = headers or {}

    def body(self, language: Language) -> dict[str, Any]:
        """The response's JSON."""
        kind = _TYPES.get(self.status) or ("server_error" if self.status >= 500 else "invalid_request_error")
        return {
            "error": {"message": self.text(language), "type": kind, "param": self.field, "code": self.name}
        }


class _TranslatedError(ApiError):
    """Another package's error, told in that package's own words."""

    def __init__(
        self,
        error: Any,
        *,
        status: int,
        field: str | None = None,
        name: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(error.code, status=status, field=field, name=name, headers=headers)
        self._error = error

    def text(self, language: Language = "en") -> str:
        return str(self._error.text(language))


def translate(error: Exception) -> ApiError:
    """Return one of our errors, or a defect, as what a client is told. A defect's details stay in the log."""
    if isinstance(error, ApiError):
        return error
    code = getattr(error, "code", "")
    if isinstance(error, EngineError) and code == "prompt_too_long":
        return _TranslatedError(error, status=400, field="messages", name="context_length_exceeded")
    if isinstance(error, EngineError) and code == "prompt_empty":
        return _TranslatedError(error, status=400, field="prompt", name=code)
    if isinstance(error, EngineError) and code in ("chat_template_failed", "adapter_unreadable"):
        return _TranslatedError(error, status=400, name=code)
    if isinstance(error, EngineError) and code == "adapter_not_loaded":
        return _TranslatedError(error, status=404, field="model", name="model_not_found")
    if isinstance(error, ProviderError):
        return _provider_error(error)
    if isinstance(error, NotFoundError):
        return _TranslatedError(error, status=404, name="not_found")
    if isinstance(error, AssistantError) and code == "question_empty":
        return _TranslatedError(error, status=400, name=code)
    if code in ("answer_failed", "generation_failed") or not hasattr(error, "text"):
        return ApiError("api_broken", status=500, name="internal_error")
    return _TranslatedError(
        error, status=503, name=code
    )  # a model that cannot be had, a folder that is in use


def _provider_error(error: ProviderError) -> ApiError:
    """What happened at another server, without its address and its own words, which are not for our clients."""
    code, status = error.code, error.params.get("status")
    if code == "provider_busy":
        wait_s = error.params.get("wait_s")
        headers = {"retry-after": str(_BUSY_S if wait_s is None else min(max(wait_s, 1), _LONGEST_WAIT_S))}
        return _TranslatedError(error, status=429 if status == 429 else 503, name=code, headers=headers)
    if code in ("provider_key_wrong", "provider_model_missing", "provider_package_missing"):
        return _TranslatedError(error, status=503, name=code)
    provider = error.params.get("provider", "-")
    if code == "provider_failed" and status in _CLIENTS_FAULTS:
        return ApiError("api_provider_refused", name=code, provider=provider, http_status=status)
    told = {"provider_down": "api_provider_down", "provider_slow": "api_provider_slow"}
    return ApiError(told.get(code, "api_provider_broken"), status=503, name=code, provider=provider)

"""A Yuan2 server, asked through LangChain's own class for it, which is imported when it is needed."""

import importlib.util
from collections.abc import Iterator, Sequence
from typing import Any

from assistant.arms import Sampling
from assistant.errors import ProviderError
from assistant.providers.asking import Hangup, Server, reason_in
from assistant.providers.config import ProviderSettings
from assistant.providers.openai_api import OpenAISpeaker
from assistant.providers.speech import Ended, Messages, Said, ServedModel, Speech

_END = "<eod>"


class Yuan2Speaker:
    """Chats through `langchain_community.chat_models.ChatYuan2`; the rest is OpenAI's API."""

    def __init__(self, name: str, settings: ProviderSettings) -> None:
        for package in ("langchain_community", "openai"):
            if importlib.util.find_spec(package) is None:
                missing = package.replace("_", "-")  # `pip install tandem-assistant[yuan2]` brings both
                raise ProviderError("provider_package_missing", provider=name, package=missing)
        self._server = Server(name, settings, protocol="Yuan2")
        self._settings = settings
        self._plain = OpenAISpeaker(name, settings)

    def models(self) -> list[ServedModel]:
        return self._plain.models()

    def chat(self, model: str, messages: Messages, sampling: Sampling, *, hangup: Hangup) -> Iterator[Speech]:
        import openai

        web = openai.DefaultHttpxClient(
            timeout=self._settings.timeout_s,
            # So that a silent request can be ended too, which the class lets nobody do.
            event_hooks={"request": [lambda request: request.extensions.update(trace=hangup.watch)]},
        )
        asked = self._yuan2(model, sampling, web)
        reason = ""
        try:
            for chunk in asked.stream([(message["role"], message["content"]) for message in messages]):
                if hangup.rung:
                    return
                # The class does not name a length limit; it hands on what the server says.
                reason = chunk.response_metadata.get("finish_reason") or reason
                if chunk.text:
                    yield Said(chunk.text)
        except openai.APIError as err:
            if hangup.rung:
                return
            raise self._told(err, model) from err
        except Exception as err:
            if hangup.rung:
                return
            # Whatever is not in OpenAI's shape makes the class stumble in one of many ways.
            raise self._server.otherwise(type(err).__name__) from err
        finally:
            web.close()
        yield Ended("length" if reason == "length" else "stop", model=model)

    def embed(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        return self._plain.embed(model, texts)

    def rerank(self, model: str, query: str, texts: Sequence[str]) -> list[float]:
        raise ProviderError("provider_cannot", provider=self._server.name, kind="Yuan2", what="reranking")

    def close(self) -> None:
        self._server.close()
        self._plain.close()

    def _yuan2(self, model: str, sampling: Sampling, web: Any) -> Any:
        """LangChain's chat model; its own `timeout` breaks every call (0.4.2), so the client is handed in."""
        import openai
        from langchain_community.chat_models import ChatYuan2

        key = self._settings.api_key
        secret = key.get_secret_value() if key is not None else "EMPTY"
        client = openai.OpenAI(
            api_key=secret,
            base_url=self._settings.base_url,
            http_client=web,
            max_retries=0,
        )
        more = {} if sampling.seed is None else {"seed": sampling.seed}
        return ChatYuan2(
            client=client.chat.completions,
            api_key=secret,
            base_url=self._settings.base_url,
            model=model,
            streaming=True,
            max_retries=1,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.max_new_tokens,
            stop_sequences=[_END, *sampling.stop],
            model_kwargs=more,
        )

    def _told(self, err: Any, model: str) -> ProviderError:
        """An error of OpenAI's client as one of ours."""
        import openai

        if isinstance(err, openai.APITimeoutError):
            return self._server.slow()
        if isinstance(err, openai.APIConnectionError):
            return self._server.down(str(err.__cause__ or err))
        if isinstance(err, openai.APIStatusError):
            reason = reason_in(err.response.content) if err.response.is_stream_consumed else ""
            again = err.response.headers.get("retry-after", "")
            return self._server.refused(
                err.status_code, reason, path="/chat/completions", model=model, again=again
            )
        return self._server.broken(str(err))

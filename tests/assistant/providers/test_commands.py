"""`tandem providers` against a small real server."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assistant.errors import AssistantError, ProviderError
from assistant.providers.commands import providers_cli
from assistant.settings import ModelSettings
from tests.assistant.providers.conftest import Exchange, speaking

KEY = "sk-very-secret-1234"


@pytest.fixture
def lab(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server that wants the key; the data folder is an empty one."""
    monkeypatch.setenv("TANDEM_DATA_DIR", str(data_dir))
    monkeypatch.delenv("TANDEM_CONFIG", raising=False)
    monkeypatch.chdir(data_dir)

    def serve(exchange: Exchange) -> None:
        if exchange.headers["authorization"] != f"Bearer {KEY}":
            exchange.reply({"error": {"message": "no"}}, status=401)
        elif exchange.path == "/v1/models":
            exchange.reply({"data": [{"id": "qwen"}, {"id": "sql", "parent": "qwen"}]})
        else:
            exchange.reply({"choices": [{"message": {"content": "Hello!"}, "finish_reason": "stop"}]})

    with speaking(serve) as url:
        yield url


def tandem(*words: str, typed: str = "") -> tuple[str, str]:
    """What a command prints, on stdout and on stderr; its error is raised."""
    done = CliRunner().invoke(providers_cli, list(words), input=typed)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    assert KEY not in done.output
    return done.stdout, done.stderr


def test_from_adding_to_removing(lab: str) -> None:
    told, _ = tandem("add", "lab", lab, "--key", typed=f"{KEY}\n")
    assert f"{lab}/v1" in told
    assert "lab" in tandem()[0]
    (row,) = json.loads(tandem("list", "--json")[0])
    assert row == {
        "name": "lab",
        "kind": "openai",
        "base_url": f"{lab}/v1",
        "has_key": True,
        "configured": False,
    }
    assert "provider:lab/qwen\n" in tandem("test", "lab")[0]
    assert json.loads(tandem("test", "lab", "--model", "qwen", "--json")[0])["answer"] == "Hello!"
    assert tandem("use", "provider:lab/qwen")[0] == "provider:lab/qwen\n"
    assert tandem("use")[0] == f"{ModelSettings().chat}\n"
    tandem("remove", "lab")
    assert tandem()[0] == ""


def test_a_server_is_changed_and_given_other_work(lab: str) -> None:
    tandem("add", "lab", "127.0.0.1:9", "--key", typed=f"{KEY}\n")
    tandem("change", "lab", "--url", lab, "--timeout", "7", "--parallel", "2", "--context-tokens", "4096")
    assert "provider:lab/qwen\n" in tandem("test", "lab")[0]  # with the key that it had
    told, noted = tandem("use", "provider:lab/embeds", "--for", "embedding")
    assert told == "provider:lab/embeds\n"
    assert "indexed again" in noted
    assert tandem("use", "--for", "embedding")[0] == "all-minilm-l6-v2\n"
    assert tandem("use", "--for", "reranker")[0] == "-\n"
    tandem("change", "lab", "--no-key")
    assert not json.loads(tandem("list", "--json")[0])[0]["has_key"]
    with pytest.raises(ProviderError, match="There is no provider nowhere"):
        tandem("change", "nowhere", "--timeout", "3")


def test_what_is_wrong_is_one_line(lab: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tandem("add", "lab", lab)
    with pytest.raises(ProviderError, match="refuses the key"):
        tandem("test", "lab")
    with pytest.raises(ProviderError, match="There is no provider nowhere"):
        tandem("test", "nowhere")
    with pytest.raises(ProviderError, match="There is no provider nowhere"):
        tandem("use", "provider:nowhere/x")
    monkeypatch.setenv("TANDEM_MODELS__CHAT", "x")
    with pytest.raises(AssistantError, match="which decides"):
        tandem("use", "provider:lab/qwen")


def test_an_address_elsewhere_is_pointed_out(lab: str) -> None:
    _, noted = tandem("add", "far", "https://gpu.example.com/v1")
    assert "are sent there" in noted or "会发送到该处" in noted

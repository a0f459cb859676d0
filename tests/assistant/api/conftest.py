"""A server on the embedded models, started by the tests and asked by real clients over a real port."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn
from openai import OpenAI

if TYPE_CHECKING:
    from assistant.app import App
    from finetune.folders import ModelFolder

PUMPS = """# Pump P-7

The pump weighs 12 kilograms and delivers forty litres per minute.

Its seal is replaced every 900 hours of operation.
"""
ADAPTER = "terse"


@dataclass(frozen=True)
class Served:
    """A running server and what stands behind it."""

    app: "App"
    url: str

    @property
    def v1(self) -> str:
        """What clients call their base URL."""
        return f"{self.url}/v1"

    def client(self, **options: Any) -> OpenAI:
        """OpenAI's client for it."""
        return OpenAI(base_url=self.v1, api_key="none", max_retries=0, timeout=120, **options)

    def post(self, path: str, body: Any, **options: Any) -> httpx.Response:
        """Post JSON, or bytes as they are."""
        sent = {"content": body} if isinstance(body, bytes) else {"json": body}
        return httpx.post(self.url + path, **sent, timeout=120, **options)


@contextmanager
def listening(application: Any) -> Iterator[str]:
    """Serve an ASGI application from a thread; yields its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(application, log_level="warning", timeout_graceful_shutdown=1))
        running = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), daemon=True)
        running.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        running.join(20)


@pytest.fixture(scope="session")
def data_dir(
    tmp_path_factory: pytest.TempPathFactory, minilm_folder: "ModelFolder", smollm2_folder: "ModelFolder"
) -> Path:
    """A data folder that has the embedded models."""
    folder = tmp_path_factory.mktemp("api") / "data"
    folder.mkdir()
    assert minilm_folder.path.parent == smollm2_folder.path.parent
    (folder / "models").symlink_to(smollm2_folder.path.parent, target_is_directory=True)
    return folder


@pytest.fixture(scope="session")
def served(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server over two knowledge bases and one adapter."""
    from assistant.app import App
    from assistant.serving import build_server
    from assistant.settings import Settings

    papers = tmp_path_factory.mktemp("papers")
    (papers / "pump.md").write_text(PUMPS, encoding="utf-8")
    (papers / "泵.md").write_text("# 水泵\n\n水泵重十二公斤，每分钟输送四十升水。\n", encoding="utf-8")
    with App.open(Settings(data_dir=data_dir), purpose="tests") as app:
        for base, name in (("pumps", "pump.md"), ("水泵", "泵.md")):
            inputs, _ = app.gather([papers / name])
            assert all(event for event in app.index(app.create_base(base).id, inputs))
        engine = app.loaded.engine()
        engine.load_adapter(ADAPTER, write_adapter(tmp_path_factory.mktemp("adapter") / ADAPTER))
        with listening(build_server(app)) as url:
            yield Served(app, url)


def write_adapter(folder: Path) -> Path:
    """A LoRA adapter for the embedded model that changes what it says."""
    import json

    import torch
    from safetensors.torch import save_file

    torch.manual_seed(1)
    rank, width, layers = 2, 576, 30
    weights = {}
    for layer in range(layers):
        name = f"base_model.model.model.layers.{layer}.self_attn.q_proj"
        weights[f"{name}.lora_A.weight"] = 0.5 * torch.randn(rank, width)
        weights[f"{name}.lora_B.weight"] = 0.5 * torch.randn(width, rank)
    folder.mkdir(parents=True)
    save_file(weights, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": rank, "lora_alpha": 2, "bias": "none"}
    config |= {"target_modules": ["q_proj"], "base_model_name_or_path": "smollm2-135m-instruct"}
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder

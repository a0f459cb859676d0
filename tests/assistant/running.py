"""What runs the program: a server that real clients ask over a real port, and the command line."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn
from openai import OpenAI

if TYPE_CHECKING:
    from assistant.app import App

PUMPS = """# Pump P-7

The pump weighs 12 kilograms and delivers forty litres per minute.

Its seal is replaced every 900 hours of operation.
"""
ADAPTER = "terse"

CommandLine = Callable[..., tuple[int, str, str]]
"""Runs one command in a `language`; returns exit code, stdout, stderr."""


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
        # Connections that a client keeps are not closed under it while a busy machine makes it wait.
        options: dict[str, Any] = {"timeout_graceful_shutdown": 1, "timeout_keep_alive": 75}
        server = uvicorn.Server(uvicorn.Config(application, log_level="warning", **options))
        running = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), daemon=True)
        running.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        running.join(60)


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

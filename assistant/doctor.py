"""Says what is there and what is missing, and how to mend it.

Each check is one line in both languages and never raises; a check that cannot be made says so.
"""

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Literal
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from assistant.errors import ProviderError
from assistant.locking import lock_owner
from assistant.messages import Language
from assistant.providers.config import parse_provider_model
from assistant.settings import Settings, config_file

Verdict = Literal["ok", "warn", "bad"]

MIN_FREE_GB = 5.0
"""Room for the embedded models, an index and a first adapter."""

MIN_MEMORY_GB = 4.0
"""The embedded models, a page and an index of a few thousand chunks need about 3 GB."""


@dataclass(frozen=True)
class Check:
    """One finding.

    Args:
        code: stable name, for `--json`.
        verdict: "ok", "warn" (works, with a limit) or "bad" (will fail).
        en, zh: what was found and, unless ok, what to do.
    """

    code: str
    verdict: Verdict
    en: str
    zh: str

    def text(self, language: Language = "en") -> str:
        """The finding in `language`."""
        return self.zh if language == "zh" else self.en


def examine(settings: Settings, *, holds_lock: bool = False, network: bool = True) -> Iterator[Check]:
    """Yield every finding, cheap ones first.

    Args:
        holds_lock: this process owns the data folder, so its own lock is no finding.
        network: whether to ask the model hub if it answers (3 s at most).
    """
    yield _python()
    yield _packages()
    yield from _data_folder(settings, holds_lock)
    yield _memory()
    yield _device()
    yield _suggestion()
    yield from _models(settings)
    if settings.models.offline:
        yield Check("hub", "ok", "Offline by setting: no hub is asked.", "设置为离线：不访问模型站。")
    elif network:
        yield _hub(settings.models.hub)


def _python() -> Check:
    version = f"Python {platform.python_version()}"
    return Check("python", "ok", version, version)


def _packages() -> Check:
    wanted = ["torch", "transformers", "peft", "chromadb", "streamlit", "sentence-transformers", "langchain"]
    found, missing = [], []
    for name in wanted:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        names = ", ".join(missing)
        return Check(
            "packages",
            "bad",
            f"Packages are missing: {names}. Run `make env`.",
            f"缺少软件包：{names}。请运行 `make env`。",
        )
    return Check("packages", "ok", ", ".join(found), "、".join(found))


def _data_folder(settings: Settings, holds_lock: bool) -> Iterator[Check]:
    folder = settings.data_dir
    there = folder
    while not there.exists():
        there = there.parent
    free_gb = shutil.disk_usage(there).free / 1e9
    used = config_file()
    by = f" ({used})" if used else ""
    if not os.access(there, os.W_OK):
        yield Check(
            "data_dir",
            "bad",
            f"{folder} cannot be written. Set TANDEM_DATA_DIR to a folder of yours.",
            f"无法写入 {folder}。请把 TANDEM_DATA_DIR 设为您自己的目录。",
        )
    elif free_gb < MIN_FREE_GB:
        yield Check(
            "data_dir",
            "warn",
            f"{folder}: only {free_gb:.1f} GB free; {MIN_FREE_GB:.0f} GB are advised. Make room.",
            f"{folder}：仅剩 {free_gb:.1f} GB，建议至少 {MIN_FREE_GB:.0f} GB。请清理磁盘。",
        )
    else:
        yield Check(
            "data_dir",
            "ok",
            f"Data folder {folder}, {free_gb:.0f} GB free{by}",
            f"数据目录 {folder}，剩余 {free_gb:.0f} GB{by}",
        )
    owner = None if holds_lock else lock_owner(folder)
    if owner is not None:
        pid, purpose = owner.get("pid", "?"), owner.get("purpose", "?")
        yield Check(
            "lock",
            "warn",
            f"The data folder is in use by process {pid} ({purpose}); other commands must wait for it.",
            f"数据目录正被进程 {pid}（{purpose}）使用；其他命令需等待其结束。",
        )


def _memory() -> Check:
    import psutil

    memory = psutil.virtual_memory()
    free_gb, total_gb = memory.available / 1e9, memory.total / 1e9
    if free_gb < MIN_MEMORY_GB:
        return Check(
            "memory",
            "warn",
            f"Memory: {free_gb:.1f} of {total_gb:.0f} GB free; close other programs, {MIN_MEMORY_GB:.0f} GB are needed.",
            f"内存：{total_gb:.0f} GB 中剩余 {free_gb:.1f} GB；至少需要 {MIN_MEMORY_GB:.0f} GB，请关闭其他程序。",
        )
    return Check(
        "memory",
        "ok",
        f"Memory: {free_gb:.0f} of {total_gb:.0f} GB free",
        f"内存：{total_gb:.0f} GB 中剩余 {free_gb:.0f} GB",
    )


def _device() -> Check:
    try:
        import torch
    except (ImportError, OSError) as err:
        return Check(
            "device",
            "bad",
            f"torch does not load: {err}. Run `make env`.",
            f"torch 无法加载：{err}。请运行 `make env`。",
        )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if torch.cuda.is_available():
        name = torch.cuda.get_device_name(0)
        size = torch.cuda.get_device_properties(0).total_memory / 1e9
        return Check("device", "ok", f"GPU: {name}, {size:.0f} GB, bf16", f"GPU：{name}，{size:.0f} GB，bf16")
    built = "with" if torch.version.cuda else "without"
    built_zh = "带有" if torch.version.cuda else "不带"
    return Check(
        "device",
        "warn",
        f"No GPU found; answers come from {cores} CPU cores (torch {torch.__version__}, built {built} CUDA).",
        f"未找到 GPU；将使用 {cores} 个 CPU 核心回答（torch {torch.__version__}，{built_zh} CUDA）。",
    )


def _suggestion() -> Check:
    """Models of the catalogue that fit this machine."""
    import psutil

    from finetune.catalogue import recommend

    try:
        import torch

        vram = torch.cuda.get_device_properties(0).total_memory if torch.cuda.is_available() else 0
    except (ImportError, OSError):
        vram = 0
    best = recommend(memory_bytes=psutil.virtual_memory().total, vram_bytes=vram)
    names = [best.chat.name, *dict.fromkeys(entry.name for entry in best.embedding.values())]
    names += [best.reranker.name] if best.reranker is not None else []
    listed = ", ".join(names)
    return Check(
        "suggestion",
        "ok",
        f"The largest models that fit this machine well: {listed}; fetch one with `tandem models get NAME`",
        f"适合本机的最大模型：{listed}；用 `tandem models get 名称` 获取",
    )


def _models(settings: Settings) -> Iterator[Check]:
    from finetune.models import present

    chosen = [settings.models.chat, settings.models.embedding]
    if settings.models.reranker:
        chosen.append(settings.models.reranker)
    for name in chosen:
        if parse_provider_model(name) is not None:
            yield _served(name, settings)
        elif present(name, models_dir=settings.models_dir):
            yield Check(f"model:{name}", "ok", f"Model {name} is here", f"模型 {name} 已就绪")
        else:
            yield Check(
                f"model:{name}",
                "warn",
                f"Model {name} is not here yet. `tandem models get {name}` fetches it.",
                f"模型 {name} 尚未下载。运行 `tandem models get {name}` 获取。",
            )


def _served(name: str, settings: Settings) -> Check:
    """Whether the server of a provider's model answers and has it."""
    from assistant.models import Models

    asked = parse_provider_model(name)
    assert asked is not None
    providers = Models(settings).providers
    try:
        served = [model.id for model in providers.models(asked.provider, fresh=True)]
    except ProviderError as err:
        return Check(f"model:{name}", "bad", err.text("en"), err.text("zh"))
    finally:
        providers.close()
    if asked.model in served:
        return Check(f"model:{name}", "ok", f"Model {name} answers", f"模型 {name} 可用")
    missing = ProviderError("provider_model_missing", provider=asked.provider, model=asked.model)
    return Check(f"model:{name}", "bad", missing.text("en"), missing.text("zh"))


def _hub(mirror: str | None) -> Check:
    endpoint = (mirror or os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
    host = urlsplit(endpoint).netloc or endpoint
    try:
        with urlopen(Request(endpoint, method="HEAD"), timeout=3):
            pass
    except HTTPError:
        pass  # it answered
    except (URLError, OSError, ValueError):
        return Check(
            "hub",
            "warn",
            f"Model hub {host} does not answer. The embedded models work without it; for others set "
            "a mirror (models.hub, or HF_ENDPOINT), or give a local folder.",
            f"模型站 {host} 无响应。内置模型不受影响；其他模型可设置镜像站（models.hub 或 HF_ENDPOINT），或指定本地目录。",
        )
    return Check("hub", "ok", f"Model hub {host} answers", f"模型站 {host} 可访问")

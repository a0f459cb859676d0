"""What a run was made with and on: versions, processor, memory, energy; whatever cannot be read is None."""

import hashlib
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import assistant

_PACKAGE = Path(assistant.__file__).parent
_PACKAGES = ("torch", "transformers", "peft", "chromadb", "numpy")
# What decides how a question becomes a prompt and a text becomes an answer.
_PROMPT_FILES = (
    "prompts.py",
    "context.py",
    "chain.py",
    "ask.py",
    "extractive.py",
    "citations.py",
    "claims.py",
)


def code_manifest() -> dict[str, Any]:
    """Version, commit where there is one, and a hash of the files that shape prompts and answers."""
    digest = hashlib.sha256()
    for name in _PROMPT_FILES:
        digest.update((_PACKAGE / name).read_bytes())
    return {
        "version": metadata.version("tandem-assistant"),
        "commit": _commit(),
        "prompt_code_sha256": digest.hexdigest(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def machine_manifest() -> dict[str, Any]:
    """Processor, cores that may be used, memory, accelerator."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": _total_memory(),
        "accelerator": _accelerator(),
    }


def peak_memory_bytes() -> int | None:
    """The most that this process has held: on the accelerator where there is one, else in main memory."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class EnergyCounter:
    """The processor packages' energy counters of Linux (RAPL); silent where they cannot be read."""

    def __init__(self, root: Path = Path("/sys/class/powercap")) -> None:
        self._zones = sorted(root.glob("intel-rapl:?/energy_uj"))
        self._last = self._read()

    def since_last_j(self) -> float | None:
        """Joules since the last call of the whole machine; None where unknown or a counter wrapped round."""
        before, self._last = self._last, self._read()
        if before is None or self._last is None or self._last < before:
            return None
        return (self._last - before) / 1e6

    def _read(self) -> int | None:
        try:
            return sum(int(zone.read_text()) for zone in self._zones) if self._zones else None
        except (OSError, ValueError):
            return None


def _commit() -> str | None:
    """The checkout's commit, with "+" where files differ from it; None outside a checkout."""
    root = _PACKAGE.parent
    if not (root / ".git").exists():
        return None
    git = ["git", "-C", str(root)]
    try:
        head = subprocess.run(
            [*git, "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=True
        )
        changes = [*git, "status", "--porcelain", "--untracked-files=no"]
        changed = subprocess.run(changes, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _total_memory() -> int:
    import psutil

    return int(psutil.virtual_memory().total)


def _accelerator() -> str | None:
    torch = sys.modules.get("torch")
    return torch.cuda.get_device_name() if torch is not None and torch.cuda.is_available() else None

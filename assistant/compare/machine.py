"""What a run was made with and on: versions, processor, memory, energy; whatever cannot be read is None."""

import ctypes
import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
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
    "arm_run.py",
    "writing.py",
    "condense.py",
    "sentences.py",
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


class PeakMemory:
    """The most that this process holds while something is done: of the accelerator where there is one."""

    def __init__(self, root: Path = Path("/proc/self")) -> None:
        self._root = root

    def begin(self) -> None:
        """Forget the peak so far, where the system can; elsewhere it is the process's from its start."""
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        with suppress(OSError):
            (self._root / "clear_refs").write_text("5")  # resets VmHWM and nothing else

    def read(self) -> int | None:
        """Bytes; None where they cannot be read."""
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available():
            return int(torch.cuda.max_memory_allocated())
        try:
            lines = (self._root / "status").read_text(encoding="utf-8").splitlines()
        except OSError:
            return _peak_since_start()
        told = next((line.split() for line in lines if line.startswith("VmHWM:")), None)
        return int(told[1]) * 1024 if told else None


def _peak_since_start() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class EnergyCounter:
    """Joules of the whole machine: Linux's counters of the processors (RAPL) and of NVIDIA's cards (NVML).

    Silent where neither can be read. RAPL's files are often readable by the administrator only.
    """

    def __init__(self, root: Path = Path("/sys/class/powercap"), *, cards: bool = True) -> None:
        self._zones = sorted(root.glob("intel-rapl:?/energy_uj"))
        self._cards = _NvidiaEnergy.open() if cards else None
        self._last = self._read()

    def since_last_j(self) -> float | None:
        """Joules since the last call; None where unknown or a counter wrapped round."""
        before, self._last = self._last, self._read()
        if before is None or self._last is None or self._last < before:
            return None
        return (self._last - before) / 1e6

    def _read(self) -> int | None:
        """Microjoules of everything that can be read."""
        try:
            told = [int(zone.read_text()) for zone in self._zones]
        except (OSError, ValueError):
            told = []
        if self._cards is not None and (used := self._cards.microjoules()) is not None:
            told.append(used)
        return sum(told) if told else None


class _NvidiaEnergy:
    """NVML's counter of energy since the driver was loaded, summed over the cards; Volta and newer have one."""

    def __init__(self, library: Any, handles: Sequence[Any]) -> None:
        self._library, self._handles = library, handles

    @classmethod
    def open(cls) -> "_NvidiaEnergy | None":
        name = "nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1"
        try:
            library = ctypes.CDLL(name)
            if library.nvmlInit_v2():
                return None
            count = ctypes.c_uint()
            library.nvmlDeviceGetCount_v2(ctypes.byref(count))
            handles = [ctypes.c_void_p() for _ in range(count.value)]
            for number, handle in enumerate(handles):
                if library.nvmlDeviceGetHandleByIndex_v2(number, ctypes.byref(handle)):
                    return None
        except (OSError, AttributeError):
            return None
        return cls(library, handles) if handles else None

    def microjoules(self) -> int | None:
        """Of all cards together; None where one does not tell."""
        total = 0
        for handle in self._handles:
            used = ctypes.c_ulonglong()
            if self._library.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(used)):
                return None
            total += used.value * 1000  # NVML counts millijoules
        return total


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

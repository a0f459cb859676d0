"""Work on a CUDA device, recorded once and replayed in one call.

Source: https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

from collections.abc import Callable
from typing import Protocol

import torch

Work = Callable[[], torch.Tensor]

# Libraries choose kernels and take memory in the first runs, which no recording may hold.
_WARM_UPS = 3


class Recorder(Protocol):
    """What records work that reads and writes the same tensors each time."""

    def __call__(self, work: Work) -> Work:
        """Return what does `work` again, into the tensor that it returned when it was recorded."""

    def forget(self) -> None:
        """Tell that what was recorded so far is not used any more."""


class CudaRecorder:
    """Records CUDA graphs.

    Work that is recorded must not look at a tensor's contents from the host, and may run several times.

    Raises:
        RuntimeError: there is no such device. Recording raises errors of many kinds.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)
        self.forget()

    def forget(self) -> None:
        """Let recordings to come have memory of their own."""
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, work: Work) -> Work:
        """Run `work` some times, then record it."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(self._device):
            now = torch.cuda.current_stream()
            self._stream.wait_stream(now)
            with torch.cuda.stream(self._stream):
                for _ in range(_WARM_UPS):
                    work()
            now.wait_stream(self._stream)
            # Other threads may take memory of the GPU meanwhile, to embed passages or to rank them.
            with torch.cuda.graph(
                graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"
            ):
                told = work()

        def replayed() -> torch.Tensor:
            with torch.cuda.device(self._device):
                graph.replay()
            return told

        return replayed

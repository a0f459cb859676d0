"""The process that opens untrusted files: `python -m knowledge.parsing.child`, started by `sandbox`.

Reads one JSON request a line from standard input, writes one framed answer each to standard output.
Before the first file it gives up memory, writing, new processes and the network.
"""

import json
import os
import struct
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

from knowledge.errors import UnreadableFileError, error_code
from knowledge.parsing.formats import parse_here
from knowledge.parsing.request import Limits, Request
from knowledge.parsing.wire import pack

FRAME = struct.Struct(">QQ")
_FORBIDDEN = (
    "socket.connect",
    "socket.bind",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
)


def _give_up_rights(memory_bytes: int) -> None:
    """Limit this process as far as its system can; the parent watches time and memory everywhere."""

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _FORBIDDEN:
            raise PermissionError(f"{event} is not allowed while a file is read")

    sys.addaudithook(refuse)
    try:
        import resource
    except ImportError:
        return
    # The parent ends a child by what it really holds; the ONNX runtime behind OCR maps more than it uses.
    address_space = memory_bytes * 3 // 2 if find_spec("rapidocr_onnxruntime") else memory_bytes
    for what, amount in (
        ("RLIMIT_AS", address_space),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_FSIZE", 0),
        ("RLIMIT_NOFILE", 64),
    ):
        try:
            resource.setrlimit(getattr(resource, what), (amount, amount))
        except (AttributeError, OSError, ValueError):
            continue  # macOS refuses some of them


def _limit_cpu(seconds: float) -> None:
    """Die after this much more processor time, should the parent be gone and nobody else end it."""
    try:
        import resource
    except ImportError:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + seconds) + 5
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _answer(message: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Do what a request asks; return the answer and its binary part."""
    request = Request(
        path=Path(message["path"]),
        name=message["name"],
        password=message["password"],
        limits=Limits(**message["limits"]),
    )
    _limit_cpu(message["seconds"])
    try:
        if message["task"] == "page_image":
            from knowledge.parsing.page_image import render_here

            image = render_here(request, message["page"], message["highlight"], message["scale"])
            return {"size": [image.width, image.height], "boxes": image.boxes}, image.png
        return {"document": pack(parse_here(request))}, b""
    except UnreadableFileError as err:
        return {"error": err.code, "params": err.params}, b""
    except MemoryError:
        megabytes = request.limits.memory_bytes >> 20
        return {
            "error": "file_needs_memory",
            "params": {"name": request.name, "limit": megabytes},
            "bye": True,
        }, b""
    except OSError as err:
        return {"error": "file_unopened", "params": {"name": request.name, "detail": error_code(err)}}, b""
    except Exception as err:
        # A parser that fails in a way of its own has met a damaged file: one line for people, no traceback.
        return {"error": "file_damaged", "params": {"name": request.name, "detail": type(err).__name__}}, b""


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until standard input ends."""
    for line in requests:
        answer, binary = _answer(json.loads(line))
        body = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        answers.write(FRAME.pack(len(body), len(binary)))
        answers.write(body)
        answers.write(binary)
        answers.flush()
        if "bye" in answer:
            return


def main() -> None:
    """Keep the answers' pipe to ourselves, so that a library's own output cannot garble it."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.setrecursionlimit(3000)
    _give_up_rights(int(sys.argv[1]))
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()

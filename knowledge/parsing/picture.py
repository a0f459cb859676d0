"""Pictures: text recognition where the `ocr` extra is installed, else a refusal that says so."""

from functools import cache
from importlib.util import find_spec
from typing import Any

from knowledge.documents import ParsedDocument
from knowledge.errors import UnreadableFileError
from knowledge.parsing.builder import DocumentBuilder
from knowledge.parsing.request import Request

_MAX_PIXELS = 40_000_000


@cache
def _reader() -> Any:
    """Load the recognition models once per child."""
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    from rapidocr_onnxruntime import RapidOCR

    return RapidOCR()


def parse_image(request: Request, builder: DocumentBuilder) -> ParsedDocument:
    """Read the words in a picture.

    Raises:
        UnreadableFileError: text recognition is not installed, or the picture is broken or too large.
    """
    if find_spec("rapidocr_onnxruntime") is None:
        raise UnreadableFileError("file_picture", name=request.name)
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(request.path) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise UnreadableFileError(
                    "file_picture_too_large", name=request.name, pixels=_MAX_PIXELS // 10**6
                )
            pixels = np.asarray(image.convert("RGB"))[:, :, ::-1]  # RapidOCR reads BGR
            media_type = Image.MIME.get(image.format or "", "image/png")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as err:
        raise UnreadableFileError("file_damaged", name=request.name, detail="broken_picture") from err
    lines, _ = _reader()(pixels)
    builder.start_page()
    builder.paragraph("\n".join(text for _, text, _ in lines or ()))
    return builder.build(media_type=media_type)

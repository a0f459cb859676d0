"""What is embedded for a chunk: where it stands, then its text."""

from knowledge.documents import Chunk
from knowledge.widths import cut_width, narrow

HEADER_WIDTH = 100
_TITLE_WIDTH = 48
_PATH_WIDTH = 120


def embed_text(chunk: Chunk, title: str = "") -> str:
    """Return what is embedded for a chunk: where it stands, then its text.

    Args:
        title: the document's; part of the line above the text unless the headings begin with it.
    """
    path = list(chunk.heading_path)
    if path and chunk.text.startswith(path[-1]):
        path.pop()
    context = narrow(path, _PATH_WIDTH, each=HEADER_WIDTH)
    if title and title not in chunk.heading_path[:1]:
        context = [cut_width(title, _TITLE_WIDTH), *context]
    return f"{' > '.join(context)}\n{chunk.text}" if context else chunk.text

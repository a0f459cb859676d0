"""Documents to chunks: whole sentences, rows, items and lines, under their headings, within the embedder's window.

Sizes are counted by the embedder's own tokenizer, over the text exactly as it will be embedded, so nothing is
cut off silently. Knows nothing of files and of what embeds.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice

from knowledge.atoms import Atom, AtomCutter, CountTokens
from knowledge.documents import BlockKind, Chunk, ParsedDocument
from knowledge.embedded_text import embed_text
from knowledge.sentences import cut_evenly

__all__ = ["CountTokens", "SplitterConfig", "embed_text", "identity", "split"]

# Changes whenever the same document and options would give other chunks.
_VERSION = 2
_MIN_WINDOW = 64
_RUNNING = ("list", "paragraph")


@dataclass(frozen=True, slots=True)
class SplitterConfig:
    """How documents are cut.

    Args:
        chunk_size: tokens of a chunk as embedded, headings included; the embedder's window may lower it.
        chunk_overlap: tokens of whole sentences that a chunk repeats from the one before, at most.
        min_size: tokens below which a section is joined with its neighbour under the same heading.
    """

    chunk_size: int = 200
    chunk_overlap: int = 32
    min_size: int = 64

    def __post_init__(self) -> None:
        if self.chunk_size < _MIN_WINDOW:
            raise ValueError(f"chunk_size={self.chunk_size} must be at least {_MIN_WINDOW} tokens")
        if not 0 <= self.chunk_overlap <= self.chunk_size // 2:
            raise ValueError(
                f"chunk_overlap={self.chunk_overlap} must be 0 to half of chunk_size={self.chunk_size}"
            )
        if not 0 <= self.min_size <= self.chunk_size:
            raise ValueError(f"min_size={self.min_size} must be 0 to chunk_size={self.chunk_size}")


def identity(config: SplitterConfig) -> str:
    """Name what decides the chunks of a document; indexes with equal identities have equal chunks."""
    fields = ",".join(f"{name}={value}" for name, value in sorted(asdict(config).items()))
    return f"structure-{_VERSION}({fields})"


def split(
    document: ParsedDocument, config: SplitterConfig, *, count_tokens: CountTokens, max_tokens: int
) -> list[Chunk]:
    """Cut a document into chunks.

    Args:
        count_tokens: tokens of each text as the embedder counts them, its special tokens included.
        max_tokens: the embedder's window; `embed_text(chunk, document.title)` never exceeds it.

    Returns:
        chunks in document order; `chunk.text` is `document.text[chunk.start:chunk.end]`, and together they
        hold every character that is not white space. A piece of a table that does not hold its first row
        has the header as the last entry of its heading path.

    Raises:
        ValueError: `max_tokens` is too small to hold headings and text.
    """
    if max_tokens < _MIN_WINDOW:
        raise ValueError(f"max_tokens={max_tokens} must be at least {_MIN_WINDOW}")
    return _Splitting(document, config, count_tokens, min(config.chunk_size, max_tokens)).run()


@dataclass(slots=True)
class _Piece:
    """A chunk being made: atoms first to last, and the block whose headings it stands under."""

    first: int
    last: int
    path: tuple[str, ...]


class _Splitting:
    """One document on its way to chunks."""

    def __init__(
        self, document: ParsedDocument, config: SplitterConfig, count: CountTokens, limit: int
    ) -> None:
        self.text = document.text
        self.blocks = document.blocks
        self.title = document.title
        self.config = config
        self.count = count
        self.limit = limit
        self.cutter = AtomCutter(document, count, limit)
        self.headers = self.cutter.headers
        self.rooms = self.cutter.rooms

    def run(self) -> list[Chunk]:
        atoms = self.cutter.run()
        if not atoms:
            return []
        chunks: list[Chunk] = []
        waiting = [(piece, self._chunk(atoms, piece)) for piece in self._pieces(atoms)]
        # Token counts do not quite add up over a join, and a prefix may have grown: count what is embedded.
        while waiting:
            counts = self.count([embed_text(chunk, self.title) for _, chunk in waiting])
            again: list[tuple[_Piece, Chunk]] = []
            for (piece, chunk), tokens in zip(waiting, counts, strict=True):
                if tokens <= self.limit:
                    chunks.append(replace(chunk, token_count=tokens))
                else:
                    again += [(part, self._chunk(atoms, part)) for part in self._smaller(atoms, piece)]
            waiting = again
        chunks.sort(key=lambda chunk: (chunk.start, chunk.end))
        return [replace(chunk, ordinal=ordinal) for ordinal, chunk in enumerate(chunks)]

    # -- pieces

    def _pieces(self, atoms: Sequence[Atom]) -> list[_Piece]:
        """Join atoms greedily; a heading begins a new piece unless small neighbours share a parent."""
        pieces: list[_Piece] = []
        first = 0
        tokens = 0
        for position, atom in enumerate(atoms):
            if position > first and self._breaks(atoms, first, position, tokens):
                # A heading never ends a piece: it goes with what it stands above.
                start = position
                while start - 1 > first and self.blocks[atoms[start - 1].block].kind == "heading":
                    start -= 1
                if self.blocks[atoms[start - 1].block].kind == "heading":
                    start = position
                pieces.append(_Piece(first, start - 1, self._common_path(atoms, first, start - 1)))
                first = self._overlap_start(atoms, first, start) if start == position else start
                tokens = sum(other.tokens for other in atoms[first:position])
            tokens += atom.tokens
        pieces.append(_Piece(first, len(atoms) - 1, self._common_path(atoms, first, len(atoms) - 1)))
        return pieces

    def _breaks(self, atoms: Sequence[Atom], first: int, position: int, tokens: int) -> bool:
        """Whether the atom at `position` begins a new piece."""
        atom = atoms[position]
        block = self.blocks[atom.block]
        if tokens + atom.tokens > self.rooms[atom.block]:
            return True
        before = self.blocks[atoms[position - 1].block]
        if atom.block == atoms[position - 1].block or before.kind == "heading":
            return False
        if block.kind == "heading":
            above = self._common_path(atoms, first, position - 1)
            shared = _common(above, block.heading_path[:-1])
            section = self._section_tokens(atoms, position)
            if tokens + section > self.rooms[atom.block] or tokens >= self.config.min_size:
                return True
            introduces = above == block.heading_path[:-1]
            return not introduces and (section >= self.config.min_size or not shared)
        if block.kind in ("table", "code"):
            # Kept whole where that is possible at all.
            size = self._block_tokens(atoms, position)
            return tokens + size > self.rooms[atom.block] and tokens >= self.config.min_size
        return False

    def _section_tokens(self, atoms: Sequence[Atom], position: int) -> int:
        """Tokens from a heading to the next one of its level or above; no further than a chunk is long."""
        level = self.blocks[atoms[position].block].level
        total = atoms[position].tokens
        for atom in islice(atoms, position + 1, None):
            block = self.blocks[atom.block]
            if (block.kind == "heading" and block.level <= level) or total > self.limit:
                break
            total += atom.tokens
        return total

    def _block_tokens(self, atoms: Sequence[Atom], position: int) -> int:
        total = 0
        for atom in islice(atoms, position, None):
            if atom.block != atoms[position].block or total > self.limit:
                break
            total += atom.tokens
        return total

    def _common_path(self, atoms: Sequence[Atom], first: int, last: int) -> tuple[str, ...]:
        """Headings that stand above all of these atoms' text; the header of a table that they go on with."""
        path: tuple[str, ...] | None = None
        numbers = sorted({atom.block for atom in atoms[first : last + 1]})
        bodies = [number for number in numbers if self.blocks[number].kind != "heading"]
        for number in bodies or numbers:
            here = self.blocks[number].heading_path
            path = here if path is None else _common(path, here)
        header = self.headers[atoms[first].block]
        if header and self._continues(atoms[first]):
            return (*(path or ()), header)
        return path or ()

    def _continues(self, atom: Atom) -> bool:
        return atom.start > self.blocks[atom.block].start

    def _overlap_start(self, atoms: Sequence[Atom], first: int, position: int) -> int:
        """Where a piece whose first new atom is at `position` begins: some sentences back in running text."""
        new = self.blocks[atoms[position].block]
        room = min(self.config.chunk_overlap, self.rooms[atoms[position].block] - atoms[position].tokens)
        start = position
        while new.kind in _RUNNING and start - 1 > first:
            block = self.blocks[atoms[start - 1].block]
            room -= atoms[start - 1].tokens
            if room < 0 or block.kind not in _RUNNING or block.heading_path != new.heading_path:
                break
            start -= 1
        return start

    def _smaller(self, atoms: list[Atom], piece: _Piece) -> list[_Piece]:
        """Halve a piece that proved too long; a single atom is cut, and at last loses headings."""
        if piece.last > piece.first:
            middle = (piece.first + piece.last + 1) // 2
            return [
                _Piece(piece.first, middle - 1, self._common_path(atoms, piece.first, middle - 1)),
                _Piece(middle, piece.last, self._common_path(atoms, middle, piece.last)),
            ]
        atom = atoms[piece.first]
        parts = cut_evenly(self.text, atom.start, atom.end, 2)
        if len(parts) == 1:
            if not piece.path:
                raise ValueError(f"max_tokens={self.limit} cannot hold a single character with its title")
            return [replace(piece, path=piece.path[1:])]
        places = []
        for start, end in parts:
            atoms.append(Atom(start, end, atom.block))
            places.append(_Piece(len(atoms) - 1, len(atoms) - 1, piece.path))
        return places

    def _chunk(self, atoms: Sequence[Atom], piece: _Piece) -> Chunk:
        start, end = atoms[piece.first].start, atoms[piece.last].end
        text = self.text[start:end]
        start += len(text) - len(text.lstrip())
        end -= len(text) - len(text.rstrip())
        numbers = sorted({atom.block for atom in atoms[piece.first : piece.last + 1]})
        blocks = [self.blocks[number] for number in numbers]
        sizes: dict[BlockKind, int] = {}
        for block in blocks:
            inside = min(block.end, end) - max(block.start, start)
            sizes[block.kind] = sizes.get(block.kind, 0) + inside
        if len(sizes) > 1:
            sizes.pop("heading", None)
        pages = [block.page for block in blocks if block.page is not None]
        return Chunk(
            ordinal=0,
            text=self.text[start:end],
            start=start,
            end=end,
            heading_path=piece.path,
            kind=max(sizes, key=lambda kind: sizes[kind]),
            page_first=min(pages, default=None),
            page_last=max(pages, default=None),
        )


def _common(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    shared = 0
    for left, right in zip(first, second, strict=False):
        if left != right:
            break
        shared += 1
    return first[:shared]

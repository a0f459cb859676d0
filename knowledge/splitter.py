"""Documents to chunks: whole sentences, rows, items and lines, under their headings, within the embedder's window.

Sizes are counted by the embedder's own tokenizer, over the text exactly as it will be embedded, so nothing is
cut off silently. Knows nothing of files and of what embeds.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice

from knowledge.documents import Block, BlockKind, Chunk, ParsedDocument
from knowledge.sentences import cut_evenly, sentences
from knowledge.widths import cut_width, narrow

CountTokens = Callable[[list[str]], list[int]]

# Changes whenever the same document and options would give other chunks.
_VERSION = 1
_MIN_WINDOW = 64
_TITLE_WIDTH = 48
_PATH_WIDTH = 120
_HEADER_WIDTH = 100
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


def embed_text(chunk: Chunk, title: str = "") -> str:
    """Return what is embedded for a chunk: where it stands, then its text.

    Args:
        title: the document's; part of the line above the text unless the headings begin with it.
    """
    path = list(chunk.heading_path)
    if path and chunk.text.startswith(path[-1]):
        path.pop()
    context = narrow(path, _PATH_WIDTH, each=_HEADER_WIDTH)
    if title and title not in chunk.heading_path[:1]:
        context = [cut_width(title, _TITLE_WIDTH), *context]
    return f"{' > '.join(context)}\n{chunk.text}" if context else chunk.text


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
class _Atom:
    """The smallest piece that stays whole while it fits: a sentence, row, item, line or heading."""

    start: int
    end: int
    block: int
    tokens: int = 0


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
        self.special = count([""])[0]
        self.headers = [self._table_header(block) for block in document.blocks]
        self.rooms = self._rooms()

    def run(self) -> list[Chunk]:
        atoms = self._sized(self._atoms())
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

    # -- atoms

    def _atoms(self) -> list[_Atom]:
        atoms = []
        for number, block in enumerate(self.blocks):
            for start, end in _cut_block(self.text, block):
                atoms.append(_Atom(start, end, number))
        return atoms

    def _sized(self, atoms: list[_Atom]) -> list[_Atom]:
        """Count every atom, and cut those that are too long for a chunk of their own."""
        done: list[_Atom] = []
        waiting = atoms
        for atom, tokens in zip(
            waiting, self._count([self.text[a.start : a.end] for a in waiting]), strict=True
        ):
            atom.tokens = tokens
        while any(atom.tokens > self.rooms[atom.block] for atom in waiting):
            done = []
            fresh = []
            for atom in waiting:
                room = self.rooms[atom.block]
                if atom.tokens <= room:
                    done.append(atom)
                    continue
                parts = [
                    _Atom(start, end, atom.block)
                    for start, end in cut_evenly(self.text, atom.start, atom.end, -(-atom.tokens // room))
                ]
                done += parts
                if len(parts) > 1:
                    fresh += parts
            for atom, tokens in zip(
                fresh, self._count([self.text[a.start : a.end] for a in fresh]), strict=True
            ):
                atom.tokens = tokens
            if not fresh:
                break
            waiting = done
        return waiting

    def _count(self, texts: list[str]) -> list[int]:
        """Tokens of each text without the special ones that every text gets."""
        return [max(tokens - self.special, 0) for tokens in self.count(texts)] if texts else []

    def _longest_path(self, number: int) -> tuple[str, ...]:
        """Headings above a block, with the header of a table that goes on from another chunk."""
        block = self.blocks[number]
        return (*block.heading_path, self.headers[number]) if self.headers[number] else block.heading_path

    def _prefix(self, path: tuple[str, ...]) -> str:
        return embed_text(Chunk(0, "", 0, 0, heading_path=path), self.title)

    def _rooms(self) -> list[int]:
        """Tokens left for text under each block's headings."""
        paths = [self._longest_path(number) for number in range(len(self.blocks))]
        unique = list(dict.fromkeys(paths))
        used = dict(zip(unique, self._count([self._prefix(path) for path in unique]), strict=True))
        return [max(self.limit - self.special - used[path] - 1, 8) for path in paths]

    def _table_header(self, block: Block) -> str:
        if block.kind != "table":
            return ""
        line = self.text[block.start : block.end].partition("\n")[0]
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        return cut_width(" | ".join(cell for cell in cells if cell), _HEADER_WIDTH)

    # -- pieces

    def _pieces(self, atoms: Sequence[_Atom]) -> list[_Piece]:
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

    def _breaks(self, atoms: Sequence[_Atom], first: int, position: int, tokens: int) -> bool:
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

    def _section_tokens(self, atoms: Sequence[_Atom], position: int) -> int:
        """Tokens from a heading to the next one of its level or above; no further than a chunk is long."""
        level = self.blocks[atoms[position].block].level
        total = atoms[position].tokens
        for atom in islice(atoms, position + 1, None):
            block = self.blocks[atom.block]
            if (block.kind == "heading" and block.level <= level) or total > self.limit:
                break
            total += atom.tokens
        return total

    def _block_tokens(self, atoms: Sequence[_Atom], position: int) -> int:
        total = 0
        for atom in islice(atoms, position, None):
            if atom.block != atoms[position].block or total > self.limit:
                break
            total += atom.tokens
        return total

    def _common_path(self, atoms: Sequence[_Atom], first: int, last: int) -> tuple[str, ...]:
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

    def _continues(self, atom: _Atom) -> bool:
        return atom.start > self.blocks[atom.block].start

    def _overlap_start(self, atoms: Sequence[_Atom], first: int, position: int) -> int:
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

    def _smaller(self, atoms: list[_Atom], piece: _Piece) -> list[_Piece]:
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
            atoms.append(_Atom(start, end, atom.block))
            places.append(_Piece(len(atoms) - 1, len(atoms) - 1, piece.path))
        return places

    def _chunk(self, atoms: Sequence[_Atom], piece: _Piece) -> Chunk:
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


# -- cutting text


def _cut_block(text: str, block: Block) -> Iterator[tuple[int, int]]:
    """Cut a block into sentences, items, rows or lines; white space goes with what is before it."""
    if block.kind == "heading":
        yield block.start, block.end
        return
    if block.kind in ("table", "code"):
        start = block.start
        lines = text[block.start : block.end].split("\n")
        if block.kind == "table" and len(lines) > 2:
            # The header, its rule and the first row belong together.
            lines = ["\n".join(lines[:3]), *lines[3:]]
        for line in lines:
            end = min(start + len(line) + 1, block.end)
            if end > start:
                yield start, end
            start = end
        return
    yield from sentences(text, block.start, block.end)


def _common(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    shared = 0
    for left, right in zip(first, second, strict=False):
        if left != right:
            break
        shared += 1
    return first[:shared]

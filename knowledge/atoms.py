"""The smallest pieces of a document that stay whole while they fit: sentences, rows, items, lines, headings."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from knowledge.documents import Block, Chunk, ParsedDocument
from knowledge.embedded_text import HEADER_WIDTH, embed_text
from knowledge.sentences import cut_evenly, sentences
from knowledge.widths import cut_width

CountTokens = Callable[[list[str]], list[int]]


@dataclass(slots=True)
class Atom:
    """The smallest piece that stays whole while it fits: a sentence, row, item, line or heading."""

    start: int
    end: int
    block: int
    tokens: int = 0


class AtomCutter:
    """Cuts one document into atoms, and knows how much room there is beside the headings of each block.

    Args:
        count: tokens of each text, the special ones included.
        limit: tokens of a chunk as embedded.

    Attributes:
        headers: for each block, the header of the table that it is; "" for any other.
        rooms: for each block, tokens left for text under its headings.
    """

    def __init__(self, document: ParsedDocument, count: CountTokens, limit: int) -> None:
        self.text = document.text
        self.blocks = document.blocks
        self.title = document.title
        self.count = count
        self.limit = limit
        self.special = count([""])[0]
        self.headers = [self._table_header(block) for block in document.blocks]
        self.rooms = self._rooms()

    def run(self) -> list[Atom]:
        """Cut every block, and what is too long for a chunk of its own."""
        atoms = []
        for number, block in enumerate(self.blocks):
            for start, end in _cut_block(self.text, block):
                atoms.append(Atom(start, end, number))
        return self._sized(atoms)

    def _sized(self, atoms: list[Atom]) -> list[Atom]:
        """Count every atom, and cut those that are too long for a chunk of their own."""
        done: list[Atom] = []
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
                    Atom(start, end, atom.block)
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
        return cut_width(" | ".join(cell for cell in cells if cell), HEADER_WIDTH)


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

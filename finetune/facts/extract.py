"""Facts by rules: tables, key-value lines, definitions, numbers and names in sentences, steps of a procedure.

Every fact carries the words of the document that say it, and is given up unless they stand literally in a chunk.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from finetune.facts.material import Language, Piece, SourceChunk, SourceDocument
from finetune.facts.quantities import quantities
from finetune.facts.rows import Fact, FactKind, Loss
from finetune.facts.tables import cells

_number = re.compile(
    r"^\s*(?:\d+(?:\.\d+)*[.)、]?|[一二三四五六七八九十]+、|第[一二三四五六七八九十\d]+[章节])\s+"
)
_step = re.compile(r"^\s*(\d{1,2})[.)、]\s*(.+)$")
_bullet = re.compile(r"^\s*[-*•·–]\s+(.+)$")
_pair_en = re.compile(r"^([A-Z0-9][^:.;!?]{1,58}):\s+(\S.{0,158})$")
_pair_zh = re.compile(r"^([^：:。；！？，,\s][^：:。；！？]{0,24})[：:]\s*(\S.{0,118})$")
_is_en = re.compile(r"^((?:The|A|An)?\s?[A-Z0-9][\w'’ -]{1,48}?) (?:is|are) ((?:a|an|the) .{8,160})\.$")
_is_zh = re.compile(r"^([^，,。；：:\s]{2,16}?)(?:是指|是一种|是一个|是一款|是)([^，,。].{3,90})。$")
_pronoun = re.compile(r"^(?:it|they|this|that|these|those|he|she|there|here|what|which|who|such|both|all|each|the "
                      r"(?:following|same|other)|它|他|她|这|那|此|该|其|以上|以下|下面|本|并|但|而)", re.IGNORECASE)  # fmt: skip
_term = re.compile(r"`([^`\n]{2,60})`|“([^”\n]{2,40})”|\"([^\"\n]{2,40})\"|"
                   r"((?:[A-Z][\w-]+ )?(?:[A-Z][\w-]+ > )+[A-Z][\w-]+(?: [A-Z][\w-]+)*)")  # fmt: skip
_ends_en = re.compile(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)\s+(?=[A-Z0-9“\"`])")
_ends_zh = re.compile(r"(?<=[。！？；])")
_not_key = re.compile(r"(?:if|when|change|see|use|press|hold|do|never|to|in|at|on|as|for|请|如|不|在|从|把|将|当|打开|插上)\b|[如请把将]",
                      re.IGNORECASE)  # fmt: skip
_no_definition = re.compile(
    r"^(?:usual|most|values|first|next|only|if|when|once|since|because|最|表面|三次|其中|若|如|因为|由于|在|当|依赖)"
    r"|(?:就|也|都|不|还|才|要|的|最常见的原因)$",
    re.IGNORECASE,
)
_furniture = re.compile(r"^\s*(?:\[//\]:|\[[^\]]+\]:\s|<!--)")
_admonition = re.compile(r"^(?:Danger|Warning|Caution|Note|Tip|危险|警告|注意|提示|小心|说明)[:：]?\s+(?=\S)")
_white = re.compile(r"\s+")
_han = re.compile(r"[\u3400-\u9fff]")
LONGEST_SENTENCE, SHORTEST_SENTENCE = 260, 12
LONGEST_STEP = 240
PER_SENTENCE = 2
ORDER: tuple[FactKind, ...] = ("table", "definition", "key_value", "number", "sentence", "step")


@dataclass(slots=True)
class Extraction:
    """What was found in the documents.

    Args:
        losses: facts that were given up, with the reason.
    """

    facts: list[Fact] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)


def squeeze(text: str) -> str:
    """Return text for literal comparison: width folded, white space gone."""
    return _white.sub("", unicodedata.normalize("NFKC", text))


def language_of(text: str) -> Language:
    """Return the language of a document's text: Chinese where a tenth of it is Chinese characters."""
    part = text[:8000]
    return "zh" if len(_han.findall(part)) > 0.1 * len(part) else "en"


def extract(
    documents: Sequence[SourceDocument],
    *,
    should_stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Extraction:
    """Find the facts of documents.

    Args:
        progress: told documents done and their number.
    """
    found = Extraction()
    drafts: list[Fact] = []
    common = _common_headings(documents)
    for number, document in enumerate(documents):
        if should_stop():
            break
        progress(number, len(documents))
        drafts += _document_facts(document, common, found.losses)
    _settle_contradictions(drafts, {d.id: d.title for d in documents}, found)
    found.facts = [replace(fact, id=f"f{n}") for n, fact in enumerate(found.facts, 1)]
    progress(len(documents), len(documents))
    return found


def _settle_contradictions(drafts: list[Fact], titles: dict[int, str], found: Extraction) -> None:
    """Two facts with one name and two values are told apart by their topic, then by their document, or given up."""
    for name in (lambda f: "", lambda f: f.topic, lambda f: titles.get(f.source_id) or f.file):
        named = [_named(f, name(f)) for f in drafts]
        values: dict[tuple[str, str], set[str]] = defaultdict(set)
        for fact in named:
            values[fact.key].add(squeeze(fact.value).casefold())
        found.facts += [f for f in named if len(values[f.key]) == 1]
        drafts = [d for d, f in zip(drafts, named, strict=True) if len(values[f.key]) > 1]
    found.losses += [Loss("fact_ambiguous", fact.statement[:120]) for fact in drafts]
    unique: dict[tuple[tuple[str, str], str], Fact] = {}
    for fact in found.facts:
        unique.setdefault((fact.key, squeeze(fact.value)), fact)
    found.facts = sorted(unique.values(), key=lambda f: (f.source_id, f.chunk_id, ORDER.index(f.kind)))


def _named(fact: Fact, qualifier: str) -> Fact:
    if not qualifier or fact.kind in ("number", "sentence") or qualifier in fact.subject:
        return fact
    mark = f"（{qualifier}）" if fact.language == "zh" else f" ({qualifier})"
    return replace(fact, subject=fact.subject + mark, aliases=())


def _common_headings(documents: Sequence[SourceDocument]) -> frozenset[str]:
    """Headings of several documents, such as "Overview": they say what is meant only with the document's title."""
    in_documents = Counter(
        heading
        for d in documents
        for heading in {clean_heading(p.headings[-1]) for p in d.pieces if p.headings}
    )
    return frozenset(heading for heading, count in in_documents.items() if count > 1)


def _document_facts(document: SourceDocument, common: frozenset[str], losses: list[Loss]) -> Iterator[Fact]:
    language = language_of("".join(piece.text for piece in document.pieces))
    squeezed = [(chunk, squeeze(chunk.text)) for chunk in document.chunks]
    for number, piece in enumerate(document.pieces):
        if piece.kind in ("heading", "code"):
            continue
        topic = clean_heading(piece.headings[-1]) if piece.headings else document.title
        if topic in common and document.title and topic != document.title:
            topic = f"{document.title}: {topic}" if language == "en" else f"{document.title}：{topic}"
        for draft, start in _piece_facts(piece, language, topic, document):
            chunk = _chunk_of(squeezed, squeeze(draft.span), piece.start + start)
            if chunk is None:
                losses.append(Loss("fact_span", draft.statement[:120]))
                continue
            yield replace(draft, chunk_id=chunk.id, page=chunk.page, headings=piece.headings, topic=topic,
                          group=draft.group and f"{document.id}.{number}.{draft.group}")  # fmt: skip


def _chunk_of(chunks: list[tuple[SourceChunk, str]], span: str, at: int) -> SourceChunk | None:
    holding = [chunk for chunk, text in chunks if span in text]
    return min(holding, key=lambda c: 0 if c.start <= at < c.end else 1 + abs(c.start - at), default=None)


def clean_heading(heading: str) -> str:
    """Return a heading without its number."""
    return _number.sub("", heading).strip()


def _piece_facts(
    piece: Piece, language: Language, topic: str, document: SourceDocument
) -> Iterator[tuple[Fact, int]]:
    def fact(
        kind: FactKind, subject: str, relation: str, value: str, statement: str, span: str, **more: object
    ) -> Fact:
        return Fact("", kind, language, subject, relation, value, statement, span, 0, document.id,
                    document.name, **more)  # type: ignore[arg-type]  # fmt: skip

    if piece.kind == "table":
        for cell in cells(piece, language, topic=topic):
            statement = _cell_statement(cell.subject, cell.relation, cell.value, language)
            yield fact("table", cell.subject, cell.relation, cell.value, statement, cell.span, group=cell.relation,
                       aliases=cell.aliases, siblings=cell.siblings), cell.start  # fmt: skip
        return
    at = 0
    steps: list[tuple[int, str, int]] = []
    for line in piece.text.split("\n") if piece.kind == "list" else [" ".join(piece.text.split("\n"))]:
        if _furniture.match(line):
            at += len(line) + 1
            continue
        text = re.sub(r"^\s*>\s?", "", line)
        stepped, bulleted = _step.match(text), _bullet.match(text)
        if piece.kind == "list" and stepped:
            steps.append((int(stepped[1]), stepped[2].strip(), at))
            text = stepped[2]
        elif bulleted:
            text = bulleted[1]
        for kind, subject, relation, value, statement, span in _line_facts(text.strip(), language, topic):
            group = relation if kind == "key_value" else ""
            yield fact(kind, subject, relation, value, statement, span, group=group), at
        at += len(line) + 1
    if len(steps) > 1 and topic:
        for number, text, start in steps:
            if len(text) <= LONGEST_STEP:
                relation = f"第 {number} 步" if language == "zh" else f"step {number}"
                plain = _plain(text)
                says = (
                    f"“{topic}”的{relation}：{plain}" if language == "zh" else f"{topic}, {relation}: {plain}"
                )
                yield fact("step", topic, relation, plain, says, text, group="steps"), start


_Draft = tuple[FactKind, str, str, str, str, str]


def _line_facts(text: str, language: Language, topic: str) -> Iterator[_Draft]:
    pair = (_pair_zh if language == "zh" else _pair_en).match(_plain(text))
    if pair and _is_key(pair[1].strip(), language):
        key, value = pair[1].strip(), pair[2].strip().rstrip("。.")
        statement = f"{key}：{value}。" if language == "zh" else f"{key}: {value}."
        yield "key_value", key, "", value, statement, text
        if len(value) < 80:
            return
    for sentence in sentences(text, language):
        if not SHORTEST_SENTENCE // (2 if language == "zh" else 1) <= len(sentence) <= LONGEST_SENTENCE:
            continue
        yield from _sentence_facts(_plain(sentence), language, sentence)


def _is_key(key: str, language: Language) -> bool:
    """Whether what stands before a colon names something, and is not a sentence, a clock or a proportion."""
    if _pronoun.match(key) or _not_key.match(key) or "http" in key:
        return False
    return len(key) <= 14 and not key[-1].isdigit() if language == "zh" else len(key.split()) <= 6


def _sentence_facts(sentence: str, language: Language, span: str) -> Iterator[_Draft]:
    defined = (_is_zh if language == "zh" else _is_en).match(sentence)
    if defined and not _pronoun.match(defined[1]) and len(defined[1].split()) <= 5:
        subject = re.sub(r"^(?:The|A|An) ", "", defined[1])
        if not _no_definition.search(subject):
            yield "definition", subject, "", defined[2].strip(), sentence, span
    said = 0
    for quantity in quantities(sentence, language):
        if said == PER_SENTENCE:
            break
        before, after = sentence[: quantity.start], sentence[quantity.end :]
        if len(squeeze(before + after)) >= (8 if language == "zh" else 14):
            said += 1
            yield "number", sentence, f"{before}\x00{after}", quantity.text, sentence, span
    if said:
        return
    for match in _term.finditer(sentence):
        value = next(group for group in match.groups() if group)
        before, after = sentence[: match.start()], sentence[match.end() :]
        if len(squeeze(before + after)) >= (8 if language == "zh" else 20):
            yield "sentence", sentence, f"{before}\x00{after}", value, sentence, span
            break


def sentences(text: str, language: Language) -> list[str]:
    """Return the sentences of a paragraph that read alone: one that begins with a pronoun brings the one before."""
    found: list[str] = []
    for part in (_ends_zh if language == "zh" else _ends_en).split(_white.sub(" ", text).strip()):
        sentence = part.strip()
        if not sentence:
            continue
        if found and _pronoun.match(sentence) and len(found[-1]) + len(sentence) < LONGEST_SENTENCE:
            found.append(f"{found[-1]}{'' if language == 'zh' else ' '}{sentence}")
        else:
            found.append(sentence)
    return found


def _cell_statement(subject: str, relation: str, value: str, language: Language) -> str:
    if language == "zh":
        return f"{subject}的{relation}：{value.rstrip('。')}。"
    return f"{subject}, {relation[:1].lower() + relation[1:]}: {value.rstrip('.')}."


def _plain(text: str) -> str:
    """Text without Markdown's marks for emphasis and links; code keeps its backquotes."""
    bare = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text.replace("**", "").replace("__", ""))
    bare = re.sub(r"(?<!\w)_([^_\s][^_]*)_(?!\w)", r"\1", bare)
    return _admonition.sub("", bare)

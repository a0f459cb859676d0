"""What will be trained, told before any compute: per row kept, repaired, cut or dropped, and why.

Everything that happened to a row is a finding; nothing is dropped or cut without one.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from finetune.config import DataConfig
from finetune.encoding import EncodedRow, Encoder
from finetune.examples import OUTCOMES, Example, Finding, Outcome, Source
from finetune.formats.reading import Dataset, check_dropped, read_dataset
from finetune.messages import Language, render
from finetune.near_duplicates import find_overlap, near_duplicates, normalise
from finetune.placeholders import find_placeholders
from finetune.writing_systems import script

BINS = 20
CHOSEN_DROPS = frozenset({"duplicate_exact", "test_overlap"})
"""Rows that the user asked to leave out; they do not count against `max_dropped_share`."""
REPAIRS = frozenset({"greeting_dropped", "system_merged", "thinking_removed"})
SAMPLE = 400


@dataclass(frozen=True, slots=True)
class Lengths:
    """Token lengths of the rows before cutting.

    Args:
        edges: in tokens, len(counts) + 1 of them; the last bin is everything over the limit.
        counts: rows by bin.
    """

    limit: int
    edges: list[int]
    counts: list[int]
    shortest: int = 0
    median: int = 0
    p95: int = 0
    longest: int = 0
    over_limit: int = 0


@dataclass(slots=True)
class PreflightReport:
    """What will be trained.

    Args:
        rows: rows in all; `kept`, `repaired`, `cut` and `dropped` add up to it, each row by its worst finding.
        findings: every one, in file order; those of whole files have `source.row` 0.
        codes: rows by finding code.
        tokens, trained_tokens: after cutting; over all sequences of the rows that are left.
        languages: rows by script: zh, ja, ko, latin, cyrillic, arabic, mixed, other.
        placeholders: rows by name of unfilled placeholder.
        keep: indices of the examples that will be trained, in order; not in the JSON.
    """

    name: str
    rows: int = 0
    kept: int = 0
    repaired: int = 0
    cut: int = 0
    dropped: int = 0
    findings: list[Finding] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    lengths: Lengths | None = None
    tokens: int = 0
    trained_tokens: int = 0
    sequences: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    placeholders: Counter[str] = field(default_factory=Counter)
    config: DataConfig = field(default_factory=DataConfig)
    seconds: float = 0.0
    keep: list[int] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for `json.dumps`; every finding in both languages."""
        plain = {
            name: getattr(self, name)
            for name in ("name", "rows", "kept", "repaired", "cut", "dropped", "tokens", "trained_tokens",
                         "sequences", "seconds")
        }  # fmt: skip
        for name in ("codes", "kinds", "languages", "placeholders"):
            plain[name] = dict(getattr(self, name).most_common())
        plain["lengths"] = asdict(self.lengths) if self.lengths else None
        plain["config"] = asdict(self.config)
        plain["findings"] = [finding.to_json() for finding in self.findings]
        return plain

    def summary(self, language: Language = "en") -> str:
        """Return the counts as one line."""
        share = round(100 * self.trained_tokens / self.tokens) if self.tokens else 0
        params = {
            "rows": self.rows,
            "kept": self.kept,
            "repaired": self.repaired,
            "cut": self.cut,
            "dropped": self.dropped,
            "trained_tokens": self.trained_tokens,
            "percent": share,
        }
        return render("preflight_summary", params, language)


def preflight(
    examples: Sequence[Example],
    tokenizer: Any,
    *,
    config: DataConfig | None = None,
    findings: Iterable[Finding] = (),
    test: Sequence[str] = (),
    name: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> PreflightReport:
    """Examine examples as the trainer will see them.

    Args:
        findings: what reading found out (`Dataset.findings`); rows dropped there count here.
        test: questions of the test set, compared with every question of the examples.
        name: what to call the dataset.
        progress: called with (examples encoded, examples).

    Raises:
        DatasetError: more rows are dropped than `config.max_dropped_share`; `error.findings` say which and why.
    """
    config = config or DataConfig()
    started = time.perf_counter()
    report = PreflightReport(name, config=config)
    report.findings += findings
    left_out: set[int] = set()
    _compare(examples, test, report, left_out)
    encoder = Encoder(tokenizer, config.max_length, config.train_on, config.thinking, config.overlong)
    lengths = np.zeros(len(examples), dtype=np.int64)
    for row in encoder.encode_rows(examples):
        lengths[row.index] = _take_in(row, examples[row.index], report, left_out)
        if progress is not None and (row.index % 256 == 255 or row.index == len(examples) - 1):
            progress(row.index + 1, len(examples))
    for example in examples:
        report.kinds[example.kind] += 1
        report.languages[script(f"{example.prompt[:SAMPLE]} {example.answer[:SAMPLE]}")] += 1
    report.keep = [i for i in range(len(examples)) if i not in left_out]
    report.lengths = _histogram(lengths[lengths > 0], config.max_length)
    _count(report, examples)
    report.seconds = round(time.perf_counter() - started, 3)
    faults = [f for f in report.findings if f.code not in CHOSEN_DROPS]
    check_dropped(faults, report.rows, max_dropped_share=config.max_dropped_share, name=name or "-")
    if not report.keep:
        check_dropped(report.findings, report.rows, max_dropped_share=1.0, name=name or "-")
    return report


def check_data(
    path: Path,
    tokenizer: Any,
    *,
    dataset: str | None = None,
    columns: dict[str, str] | None = None,
    config: DataConfig | None = None,
    test: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Dataset, PreflightReport]:
    """Read a dataset and examine it. See `read_dataset` and `preflight`.

    Raises:
        DatasetError: as these two.
    """
    config = config or DataConfig()
    read = read_dataset(path, dataset=dataset, columns=columns, max_dropped_share=config.max_dropped_share)
    report = preflight(
        read.examples,
        tokenizer,
        config=config,
        findings=read.findings,
        test=test,
        name=read.name,
        progress=progress,
    )
    return read, report


def _compare(
    examples: Sequence[Example], test: Sequence[str], report: PreflightReport, left_out: set[int]
) -> None:
    """Find what can be found without a tokenizer: placeholders, duplicates, questions of the test set."""
    config = report.config
    first_row: dict[tuple[Any, ...], int] = {}
    first_answer: dict[str, int] = {}
    keys: list[tuple[str, str]] = []
    numbers: list[int] = []  # of the examples in `keys`
    for index, example in enumerate(examples):
        names = sorted(set().union(*(find_placeholders(m.content) for m in example.turns())))
        if names:
            report.placeholders.update(names)
            _add(report, "placeholder", example.source, names=", ".join(names))
        identity = (example.messages, example.chosen, example.rejected, example.label)
        earlier = first_row.setdefault(_digest(identity), index)
        if earlier != index:
            # The same row again, taken twice because `num_samples` asked for more rows than there are.
            if examples[earlier].source != example.source:
                outcome: Outcome = "dropped" if config.drop_duplicates else "noted"
                _add(report, "duplicate_exact", example.source, outcome, other=str(examples[earlier].source))
                if config.drop_duplicates:
                    left_out.add(index)
            continue
        question = normalise(_question(example))
        answer = normalise(example.answer)
        if question and example.kind == "sft":
            earlier = first_answer.setdefault(question, index)
            if earlier != index and normalise(examples[earlier].answer) != answer:
                _add(report, "answer_conflict", example.source, other=str(examples[earlier].source))
        keys.append((question, answer))
        numbers.append(index)
    for overlap in near_duplicates(keys, threshold=config.near_duplicate_share):
        example, other = examples[numbers[overlap.index]], examples[numbers[overlap.other]]
        percent = round(100 * overlap.share)
        _add(report, "duplicate_near", example.source, other=str(other.source), percent=percent)
    if test:
        _compare_with_test(examples, test, report, left_out)


def _compare_with_test(
    examples: Sequence[Example], test: Sequence[str], report: PreflightReport, left_out: set[int]
) -> None:
    """Every question of every conversation against every question of the test set."""
    asked: list[str] = []
    owners: list[int] = []
    for index, example in enumerate(examples):
        for message in example.messages:
            if message.role == "user" or example.kind == "text":
                asked.append(normalise(message.content))
                owners.append(index)
    told: set[int] = set()
    wanted = [normalise(question) for question in test]
    for overlap in find_overlap(asked, wanted, threshold=report.config.test_overlap_share):
        index = owners[overlap.index]
        if index in told:
            continue
        told.add(index)
        outcome: Outcome = "dropped" if report.config.drop_test_overlap else "noted"
        if report.config.drop_test_overlap:
            left_out.add(index)
        params = {"other": f"#{overlap.other + 1}", "percent": round(100 * overlap.share)}
        _add(report, "test_overlap", examples[index].source, outcome, **params)


def _take_in(row: EncodedRow, example: Example, report: PreflightReport, left_out: set[int]) -> int:
    """Add what encoding found to the report; return the row's length before cutting, 0 where it has none."""
    if row.refused is not None:
        code, params = row.refused
        _add(report, code, example.source, "dropped", **params)
        left_out.add(row.index)
        return int(params.get("tokens", 0))
    before = sum(len(piece.input_ids) for piece in row.pieces)
    if row.pair is not None:
        before = max(len(piece.input_ids) for piece in row.pieces)
    for code, params in row.notes:
        outcome: Outcome = "cut" if code.startswith("cut_") else "repaired" if code in REPAIRS else "noted"
        _add(report, code, example.source, outcome, **params)
        before = max(before, int(params.get("before", 0)))
    if not all(piece.stops for piece in row.pieces[-1:]) and example.kind != "text":
        _add(report, "no_stop_token", example.source)
    if row.index not in left_out:
        report.tokens += sum(len(piece.input_ids) for piece in row.pieces)
        report.trained_tokens += sum(piece.trained_tokens for piece in row.pieces)
        report.sequences += len(row.pieces)
    return before


def _count(report: PreflightReport, examples: Sequence[Example]) -> None:
    """Sort the findings and count each row by its worst one."""
    worst: dict[Source, int] = {}
    for finding in report.findings:
        report.codes[finding.code] += 1
        if finding.source.row:
            level = OUTCOMES.index(finding.outcome)
            worst[finding.source] = max(level, worst.get(finding.source, 0))
    report.findings.sort(key=lambda f: (f.source.file, f.source.row))
    present = Counter(example.source for example in examples)
    lost = sum(OUTCOMES[level] == "dropped" and source not in present for source, level in worst.items())
    report.rows = len(examples) + lost
    by_outcome: Counter[str] = Counter(OUTCOMES[worst.get(source, 0)] for source in present.elements())
    report.repaired = by_outcome["repaired"]
    report.cut = by_outcome["cut"]
    report.dropped = by_outcome["dropped"] + lost
    report.kept = report.rows - report.repaired - report.cut - report.dropped


def _add(
    report: PreflightReport, code: str, source: Source, outcome: Outcome = "noted", **params: Any
) -> None:
    report.findings.append(Finding(code, source, outcome, params))


def _question(example: Example) -> str:
    """All that is said before the answer that is trained; plain text is its own question."""
    if example.kind == "text":
        return example.messages[0].content
    said = example.messages if example.kind == "dpo" else example.messages[:-1]
    return "\n".join(message.content for message in said)


def _digest(identity: tuple[Any, ...]) -> tuple[int, int]:
    """Two hashes instead of the row itself: a million rows are compared without holding their text twice."""
    text = repr(identity)
    return hash(text), len(text)


def _histogram(lengths: np.ndarray, limit: int) -> Lengths:
    width = max(1, -(-limit // BINS))
    edges = [*range(0, limit, width), limit + 1]
    longest = int(lengths.max()) if len(lengths) else 0
    edges.append(max(longest, limit + 1) + 1)
    counts, _ = np.histogram(lengths, bins=edges)
    if not len(lengths):
        return Lengths(limit, edges, counts.tolist())
    return Lengths(
        limit,
        edges,
        counts.tolist(),
        int(lengths.min()),
        int(np.median(lengths)),
        int(np.percentile(lengths, 95)),
        longest,
        int((lengths > limit).sum()),
    )

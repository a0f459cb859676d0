"""Damaged copies of real files: each gives a sound document or a refusal, and the next good file still reads."""

import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.errors import UnreadableFileError
from knowledge.parsing import Limits, ParserPool
from tests.conftest import SHARED_DATA
from tests.knowledge.parsing.invariants import assert_sound

SEEDS = (
    "pdf/Doc3.pdf",
    "pdf/issue2128r.pdf",
    "office/docx-tables.docx",
    "office/fake-power-point-table.pptx",
    "office/vodafone.xlsx",
    "office/testODT_svgTitleInStyledSpan.odt",
    "html_epub/testEPUB.epub",
    "html_epub/resume.html",
    "mail/fake-email-attachment.eml",
    "malformed/testRTFInvalidUnicode.rtf",
    "text/codeblock.md",
    "text/stanley-cups.csv",
    "encodings/zh_gbk.txt",
)
_edits = st.lists(
    st.tuples(
        st.sampled_from(("set", "cut", "insert", "repeat")),
        st.floats(0, 1),
        st.binary(min_size=1, max_size=9),
    ),
    min_size=1,
    max_size=8,
)


def _mutate(data: bytes, edits: list[tuple[str, float, bytes]]) -> bytes:
    for kind, place, new in edits:
        at = int(place * len(data))
        if kind == "set":
            data = data[:at] + new + data[at + len(new) :]
        elif kind == "cut":
            data = data[: max(at, 1)]
        elif kind == "insert":
            data = data[:at] + new + data[at:]
        else:
            data = data[:at] + data[at : at + 200] * 9 + data[at:]
    return data


def _mutated_parts(path: Path, edits: list[tuple[str, float, bytes]], target: Path) -> None:
    """Damage an XML part inside a container and pack it again, so that the damage gets past the ZIP check."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as copy:
        names = source.namelist()
        chosen = names[int(edits[0][1] * (len(names) - 1))]
        for name in names:
            data = source.read(name)
            copy.writestr(name, _mutate(data, edits) if name == chosen else data)


def _check(pool: ParserPool, path: Path) -> None:
    refusal = None
    try:
        assert_sound(pool.parse(path))
    except UnreadableFileError as err:
        refusal = err
    if refusal is not None:
        assert path.name in refusal.text("zh")
        # Only PDFium is native code that a file may crash; Python parsers must refuse by themselves.
        assert refusal.code not in ("file_parser_died", "file_needs_time") or path.suffix == ".pdf"


def _run(count: int, folder: Path, documents: Path) -> None:
    limits = Limits(seconds=20)

    @settings(max_examples=count, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(seed=st.sampled_from(SEEDS), edits=_edits, inside=st.booleans())
    def attack(seed: str, edits: list[tuple[str, float, bytes]], inside: bool) -> None:
        source = documents / seed
        target = folder / f"mutant{source.suffix}"
        if inside and zipfile.is_zipfile(source):
            _mutated_parts(source, edits, target)
        else:
            target.write_bytes(_mutate(source.read_bytes(), edits))
        _check(pool, target)

    with ParserPool(workers=1, limits=limits) as pool:
        attack()
        assert pool.parse(documents / "text/utf-8.txt").text == "汉字漢字統一編碼萬國碼"


def test_some_mutants(tmp_path: Path, shared_data: Path) -> None:
    _run(120, tmp_path, shared_data / "documents")


@pytest.mark.slow
def test_many_mutants(tmp_path: Path, shared_data: Path) -> None:
    _run(3000, tmp_path, shared_data / "documents")


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="no ../shared/data beside the checkout")
@pytest.mark.parametrize("seed", SEEDS)
def test_every_truncation_ends_well(seed: str, tmp_path: Path, pool: ParserPool) -> None:
    data = (SHARED_DATA / "documents" / seed).read_bytes()
    target = tmp_path / f"cut{Path(seed).suffix}"
    for eighth in range(8):
        target.write_bytes(data[: len(data) * eighth // 8])
        _check(pool, target)

"""A file is what its content says, whatever its name."""

import zipfile
from pathlib import Path

import pytest

from knowledge.errors import UnreadableFileError
from knowledge.parsing import ParserPool


def _code(pool: ParserPool, path: Path) -> str:
    with pytest.raises(UnreadableFileError) as caught:
        pool.parse(path)
    return caught.value.code


def test_a_pdf_called_txt_is_read_as_pdf(shared_data: Path, pool: ParserPool) -> None:
    document = pool.parse(shared_data / "documents/pdf/Doc3.pdf", name="notes.txt")
    assert document.media_type == "application/pdf"
    assert document.pages


def test_a_docx_called_doc_is_read(shared_data: Path, pool: ParserPool) -> None:
    document = pool.parse(shared_data / "documents/office/docx-tables.docx", name="old.doc")
    assert "Simple uniform table" in document.text


def test_text_called_docx_is_refused(tmp_path: Path, pool: ParserPool) -> None:
    path = tmp_path / "letter.docx"
    path.write_text("not a Word file", encoding="utf-8")
    assert _code(pool, path) == "file_damaged"


def test_binary_data_is_refused(tmp_path: Path, pool: ParserPool) -> None:
    path = tmp_path / "data.txt"
    path.write_bytes(bytes(range(256)) * 40)
    assert _code(pool, path) == "file_not_text"
    assert _code(pool, path.rename(tmp_path / "data.bin")) == "file_unsupported"


def test_text_of_unknown_suffix_is_read(tmp_path: Path, pool: ParserPool) -> None:
    path = tmp_path / "README.unknown"
    path.write_text("plain words", encoding="utf-8")
    assert pool.parse(path).text == "plain words"


def test_a_zip_bomb_in_an_office_file_is_refused_before_it_is_unpacked(
    tmp_path: Path, pool: ParserPool
) -> None:
    path = tmp_path / "bomb.docx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("word/document.xml", "w", force_zip64=True) as part:
            for _ in range(300):
                part.write(b" " * (1 << 20))
    assert path.stat().st_size < 1 << 20
    assert _code(pool, path) == "file_bomb"


def test_xml_entities_are_refused(tmp_path: Path, pool: ParserPool) -> None:
    path = tmp_path / "laughs.docx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;">]><a>&c;</a>')
    assert _code(pool, path) == "file_hostile_xml"

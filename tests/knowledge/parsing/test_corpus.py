"""Every file of the shared collection gives its text or the right refusal."""

import csv
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from knowledge.documents import ParsedDocument
from knowledge.errors import UnreadableFileError
from knowledge.messages import Language, render
from knowledge.parsing import ParserPool
from tests.conftest import SHARED_DATA
from tests.knowledge.parsing.invariants import assert_sound

REFUSED = {
    "archive/gbk.zip": "file_archive",
    "archive/test-documents.tgz": "file_archive",
    "archive/test-documents.zip": "file_archive",
    "encrypted/PasswordProtected.doc": "file_legacy",
    "encrypted/issue21579.pdf": "file_password_needed",
    "encrypted/issue6010_1.pdf": "file_password_needed",
    "encrypted/password.pdf": "file_password_needed",
    "encrypted/saslprep-r6.pdf": "file_password_needed",
    "encrypted/testEXCEL_protected_passtika.xlsx": "file_encrypted_office",
    "encrypted/testODTEncrypted.odt": "file_encrypted_office",
    "encrypted/testWORD_protected_passtika.docx": "file_encrypted_office",
    "encrypted/testZipEncrypted.zip": "file_archive",
    "hostile/droste.zip": "file_archive",
    "hostile/poc-shared-strings.xlsx": "file_too_much_text",
    "hostile/poc-xmlbomb-empty.xlsx": "file_hostile_xml",
    "hostile/testLZMA_oom": "file_archive",
    "hostile/testZ_oom.Z": "file_archive",
    "image/chi_sim_image.jpeg": "file_picture",
    "mail/testMSG_chinese.msg": "file_legacy",
    "malformed/Brotli-Prototype-FileA.pdf": "file_damaged",
    "malformed/PDFBOX-4352-0.pdf": "file_empty",
    "malformed/REDHAT-1531897-0.pdf": "file_damaged",
    "malformed/bug1020226.pdf": "file_damaged",
    "malformed/clusterfuzz-testcase-minimized-POIXSLFFuzzer-5471515212382208.pptx": "file_damaged",
    "malformed/clusterfuzz-testcase-minimized-POIXWPFFuzzer-4791943399604224.docx": "file_damaged",
    "malformed/clusterfuzz-testcase-minimized-XLSX2CSVFuzzer-5542865479270400.xlsx": "file_damaged",
    "malformed/crash-517626e815e0afa9decd0ebb6d1dee63fb9907dd.docx": "file_damaged",
    "malformed/empty.xlsx": "file_empty",
    "malformed/evaljs.pdf": "file_empty",
    "malformed/fake-text-all-whitespace.txt": "file_empty",
    "malformed/filled-background.pdf": "file_empty",
    "malformed/issue15590.pdf": "file_empty",
    "malformed/operator_list_cycle.pdf": "file_empty",
    "malformed/poppler-395-0-fuzzed.pdf": "file_damaged",
    "malformed/poppler-742-0-fuzzed.pdf": "file_damaged",
    "malformed/poppler-85140-0.pdf": "file_empty",
    "malformed/poppler-937-0-fuzzed.pdf": "file_no_page",
    "malformed/testODTnotaZipFile.odt": "file_damaged",
    "malformed/testWORD_truncated.docx": "file_damaged",
    "office/61490.doc": "file_legacy",
    "office/chinese-provinces.xls": "file_legacy",
    "other/testDBF_gb18030.dbf": "file_unsupported",
    "pdf/table-multi-row-column-cells.pdf": "file_scanned",
    "pdf/testOCR.pdf": "file_scanned",
}
LANGUAGES: tuple[Language, ...] = ("en", "zh")
# Words that only the right reading of the file contains.
SAID = {
    "encrypted/testPDF_protected.pdf": "RETHINKING THE FINANCIAL NETWORK",
    "hostile/testWORD_macros.docm": "The quick brown fox.",
    "html_epub/example-steelJIS-datasheet-utf-16.html": "SNB22-3 Chemical composition",
    "html_epub/testEPUB.epub": "Chapter 2",
    "mail/fake-email-attachment.eml": "Here's the attachments!",
    "office/docx-tables.docx": "| Header Col 1 | Header Col 2 |",
    "office/fake-power-point-table.pptx": "| Tangerine | Pink | Aqua |",
    "office/footnotes.docx": "[1] snoska",
    "office/ocr_test.pptx": "| 我是表格3 | 我是表格4 |",
    "office/stress009.docx": "NANDrive 微型固态硬盘设计方案",
    "office/testODT_svgTitleInStyledSpan.odt": "國立雲林科技大學",
    "office/testWORD_text_box.docx": "inside of a text box",
    "office/心理大模型-职场焦虑语料.xlsx": "| 我感到在职场中压力很大，总是焦虑不安，怎么办？ |",
    "pdf/SimFang-variant.pdf": "全世界无产者，联合起来",
    "pdf/copy_paste_ligatures.pdf": "abcdeffffiflffifflſtst",
    "pdf/issue19360.pdf": "坚持社会主义核心价值体系",
    "pdf/issue2128r.pdf": "浅谈校长的魅力",
    "pdf/table.pdf": "パワー半導体チップ",
    "pdf/testJournalParser.pdf": "Heterogenous Stress-Engineered MEMS",
    "pdf/tracemonkey.pdf": "more difficult to compile than statically typed ones",
    "text/gb18030.txt": "简体中文",
    "text/shift_jis.txt": "日本語",
    "text/uhc.smi": "은 KS X 1001",
}
if find_spec("rapidocr_onnxruntime"):
    del REFUSED["image/chi_sim_image.jpeg"]
    SAID["image/chi_sim_image.jpeg"] = "适用人群"


def english_in(text: str) -> list[str]:
    """Runs of three English words or more."""
    return re.findall(r"[A-Za-z]+(?:[ ,.]+[A-Za-z]+){2,}", text)


def _manifest() -> list[str]:
    file = SHARED_DATA / "documents" / "manifest.tsv"
    if not file.is_file():
        return []
    with file.open(encoding="utf-8") as lines:
        return [row["path"] for row in csv.DictReader(lines, delimiter="\t")]


def _outcome(pool: ParserPool, path: Path) -> ParsedDocument | UnreadableFileError:
    try:
        return pool.parse(path)
    except UnreadableFileError as err:
        return err


@pytest.mark.parametrize("path", _manifest())
def test_file_gives_its_text_or_the_right_refusal(path: str, shared_data: Path, pool: ParserPool) -> None:
    outcome = _outcome(pool, shared_data / "documents" / path)
    if isinstance(outcome, UnreadableFileError):
        assert outcome.code == REFUSED.get(path)
        for language in LANGUAGES:
            assert Path(path).name in outcome.text(language)
            assert "\n" not in outcome.text(language)
        assert english_in(outcome.text("zh").replace(Path(path).name, "")) == []
        return
    assert path not in REFUSED
    assert_sound(outcome)
    assert SAID.get(path, "") in outcome.text
    for notice in outcome.notices:
        named = {key: "" if isinstance(value, str) else value for key, value in notice.params.items()}
        assert english_in(render(notice.code, named, "zh")) == []


def test_scripts_and_styles_never_become_text(shared_data: Path, pool: ParserPool) -> None:
    document = pool.parse(shared_data / "documents/hostile/testHTMLBadScript.html")
    assert document.text == "This is a test."


def test_garbled_pages_are_left_out_and_named(shared_data: Path, pool: ParserPool) -> None:
    document = pool.parse(shared_data / "documents/pdf/TAMReview.pdf")
    assert ("pages_garbled", {"pages": "2-21"}) in [(note.code, note.params) for note in document.notices]
    assert "User acceptance of technology" in document.text
    assert document.text.count("\ufffd") < 10


@pytest.mark.parametrize(
    ("file", "encoding"),
    [
        ("zh_gbk.txt", "gb18030"),
        ("zh_gb18030.md", "gb18030"),
        ("zh_utf8_bom.md", "utf-8"),
        ("zh_utf16le_bom.txt", "utf-16-le"),
        ("zh_utf16be_nobom.txt", "utf-16-be"),
        ("zh_page_gb2312.html", "gb18030"),
        ("zh_page_wrong_charset.html", "gb18030"),
        ("zhtw_big5.txt", "big5"),
    ],
)
def test_character_set(file: str, encoding: str, shared_data: Path, pool: ParserPool) -> None:
    document = pool.parse(shared_data / "documents/encodings" / file)
    assert document.encoding == encoding
    assert document.notices == ()
    assert "\ufffd" not in document.text
    assert ("梵語" if encoding == "big5" else "任务类型，用于创建") in document.text


def test_cut_and_mixed_files_are_read_with_a_notice(shared_data: Path, pool: ParserPool) -> None:
    folder = shared_data / "documents/encodings"
    cut = pool.parse(folder / "zh_gbk_truncated.txt")
    mixed = pool.parse(folder / "zh_mixed_gbk_utf8.txt")
    assert [notice.code for notice in cut.notices] == ["text_gaps"]
    assert [notice.code for notice in mixed.notices] == ["text_mixed"]
    assert "任务类型，用于创建" in cut.text
    assert "任务类型，用于创建" in mixed.text


def test_mail_and_book_in_chinese(shared_data: Path, pool: ParserPool) -> None:
    folder = shared_data / "documents/encodings"
    mail = pool.parse(folder / "zh_mail_gb18030.eml")
    assert mail.title == "关于 Shell 任务的说明"
    assert "张三" in mail.text
    book = pool.parse(folder / "zh_book.epub")
    assert [page.label for page in book.pages] == ["Shell 任务", "Spark 任务", "SQL 任务"]


@pytest.mark.parametrize(
    ("file", "password", "said"),
    [
        ("password.pdf", "password", "File with password"),
        ("issue6010_1.pdf", "abc", "Issue 6010"),
        ("issue21579.pdf", "pässwört", ""),
    ],
)
def test_password_opens_a_pdf(
    file: str, password: str, said: str, shared_data: Path, pool: ParserPool
) -> None:
    path = shared_data / "documents/encrypted" / file
    assert said in pool.parse(path, password=password).text
    with pytest.raises(UnreadableFileError) as caught:
        pool.parse(path, password="not this one")
    assert caught.value.code == "file_password_wrong"
